// A settings file of somebody who logs in by code of their own.
module.exports = {
    uiPort: 1880,
    adminAuth: {
        type: "credentials",
        users: (name) => Promise.resolve(name === "admin" ? { username: name, permissions: "*" } : null),
        // Asks a directory elsewhere.
        authenticate: (name, password) => {
            const known = require("fs").readFileSync("/home/pi/directory", "utf8").split("\n");
            return Promise.resolve(known.includes(`${name}:${password}`) ? { username: name, permissions: "*" } : null);
        },
    },
};
