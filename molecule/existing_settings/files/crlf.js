/* Written with an editor of Windows: prepare.yml gives each line a carriage return. */
module.exports = {
    // Ours: do not touch!  Straße 1, 12:30 Uhr
    "flowFile": 'flows.json',
    'uiPort': 1880,

    /** Old name of two keys. */
    httpRoot: '/',

    editorTheme: {
        projects: { enabled: false },
    },
    weatherStation: { altitude: 512, name: "Garden \u2600" },
}
