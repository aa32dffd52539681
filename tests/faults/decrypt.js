// Prints the credentials of the flows in a userDir: node -e "$(cat decrypt.js)" USER_DIR SECRET
// An empty secret stands for the one that Node-RED has made itself.
const { createDecipheriv, createHash } = require("crypto");
const { readFileSync, readdirSync } = require("fs");
const [, directory, secret] = process.argv;
const read = (name) => JSON.parse(readFileSync(`${directory}/${name}`, "utf8"));
const key = createHash("sha256").update(secret || read(".config.runtime.json")._credentialSecret).digest();
for (const name of readdirSync(directory).filter((name) => /^flows.*_cred\.json$/.test(name))) {
    const encrypted = read(name).$;
    const cipher = createDecipheriv("aes-256-ctr", key, Buffer.from(encrypted.substring(0, 32), "hex"));
    console.log(cipher.update(encrypted.substring(32), "base64", "utf8") + cipher.final("utf8"));
}
