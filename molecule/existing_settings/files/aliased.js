// Code before the export, a name for it, and an assignment below it.
"use strict";
const os = require("os")
const name = os.hostname()

var settings = module.exports = {
    uiPort: process.env.PORT || 1880, // the port
    flowFile: `flows-${name}.json`,
    logging: { console: { level: "info" } },
    //httpNodeAuth: {user:"user",pass:"$2a$08$zZWtXTja0fB1pzD4sHCMyOCMYz2Z6dNbM6tl8sJogENOMcxWV9DN."},
    functionGlobalContext: { name } // no comma here
}

settings.contextStorage = { default: { module: "memory" } }
