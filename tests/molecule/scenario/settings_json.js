// Prints what Node.js makes of a settings file, as JSON: node -e "$(cat settings_json.js)" FILE
const settings = require(process.argv[1]);
console.log(JSON.stringify(settings, (key, value) => typeof value === "function" ? String(value) : value));
