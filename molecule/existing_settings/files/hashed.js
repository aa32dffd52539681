// The hash is made in prepare.yml by Node-RED's own `node-red admin hash-pw`, as $2y$.
module.exports = {
  uiPort: 1880,
  adminAuth: {
    type: "credentials",
    users: [
      { username: 'admin', /* the boss */ password: 'HASH', permissions: '*' },
      // Has left.
      { username: 'steve', password: 'HASH', permissions: 'read' }
    ],
    sessionExpiryTime: 86400
  },
  flowFile: 'flows.json',
  editorTheme: { page: { title: 'Pi of the tests' } },
}
