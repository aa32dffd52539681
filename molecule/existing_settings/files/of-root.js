/**
 * Owned by root, as a former version of the Pi installer left it.
 **/
module.exports = {
    flowFile: 'flows.json',
    uiPort: process.env.PORT || 1880,
    diagnostics: { enabled: true, ui: true },
    functionExternalModules: true
}
