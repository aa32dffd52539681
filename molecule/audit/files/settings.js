module.exports = {
    uiPort: 1880,
    requireHttps: true,
    https: {
        key: require("fs").readFileSync("/home/pi/.node-red/key.pem"),
        cert: require("fs").readFileSync("/home/pi/.node-red/cert.pem"),
        minVersion: "TLSv1",
        ciphers: "DEFAULT:@SECLEVEL=0"
    },
    httpsRefreshInterval: 1,
    adminAuth: {
        type: "credentials",
        users: [
            {
                username: "admin",
                password: "$2a$08$zZWtXTja0fB1pzD4sHCMyOCMYz2Z6dNbM6tl8sJogENOMcxWV9DN.",
                permissions: "*"
            },
            {
                username: "eve",
                password: "$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232",
                permissions: ["flows.*", "flows.write"]
            }
        ],
        default: { permissions: "read" },
        tokens: [{ token: "token-only-for-tests", user: "admin", scope: ["flows.read"] }]
    },
    httpNodeAuth: { user: "fred", pass: "21232f297a57a5a743894a0e4a801fc4" },
    httpNodeCors: { origin: "*", methods: "GET,PUT,POST,DELETE" },
    credentialSecret: false,
    flowFile: "flows.json",
    functionGlobalContext: { os: require("os") },
    exportGlobalContextKeys: true,
    tlsConfigDisableLocalFiles: false,
    externalModules: { autoInstall: true },
    runtimeState: { enabled: true, ui: true },
    telemetry: { enabled: true },
    editorTheme: { projects: { enabled: true } }
}
