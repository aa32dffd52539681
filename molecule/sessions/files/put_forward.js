// Puts the clock of Node-RED forward by half an hour when the file half-an-hour-later appears beside this one.
"use strict";
const fs = require("fs");
const path = require("path");

const later = path.join(__dirname, "half-an-hour-later");
const now = Date.now;
Date.now = () => now() + (fs.existsSync(later) ? 1800000 : 0);
