// An MQTT broker that writes down the login of whoever connects, and nothing else: [user, password], or [null, null].
"use strict";
const fs = require("fs");

const text = (packet, at) => {
    const end = at + 2 + packet.readUInt16BE(at);
    return [packet.toString("utf8", at + 2, end), end];
};

require("net").createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (packet) => {
        // One byte of type, one to four of length; then the protocol's name and level, flags, keep alive, client's name.
        let at = 1;
        while (packet[at++] & 0x80) { /* the length goes on */ }
        at = text(packet, at)[1];
        const flags = packet[at + 1];
        at = text(packet, at + 4)[1];
        const login = [null, null];
        [0x80, 0x40].forEach((flag, index) => {
            if (flags & flag) { [login[index], at] = text(packet, at); }
        });
        fs.writeFileSync("/tmp/login.new", JSON.stringify(login));
        fs.renameSync("/tmp/login.new", "/tmp/login.json");
        socket.write(Buffer.from([0x20, 2, 0, 0]));
    });
}).listen(18830, "127.0.0.1");
