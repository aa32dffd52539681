// Decrypts a credentials file as Node-RED does, or encrypts one: decrypt.js FILE SECRET [JSON]
"use strict";
const crypto = require("crypto");
const fs = require("fs");

const [file, secret, json] = process.argv.slice(2);
const key = crypto.createHash("sha256").update(secret).digest();
if (json !== undefined) {
    const iv = crypto.randomBytes(16);
    const cipher = crypto.createCipheriv("aes-256-ctr", key, iv);
    const data = Buffer.concat([cipher.update(json), cipher.final()]).toString("base64");
    fs.writeFileSync(file, JSON.stringify({ $: iv.toString("hex") + data }));
} else {
    const sealed = JSON.parse(fs.readFileSync(file, "utf8")).$;
    const decipher = crypto.createDecipheriv("aes-256-ctr", key, Buffer.from(sealed.slice(0, 32), "hex"));
    const plain = Buffer.concat([decipher.update(Buffer.from(sealed.slice(32), "base64")), decipher.final()]);
    process.stdout.write(JSON.stringify(JSON.parse(plain.toString("utf8"))));
}
