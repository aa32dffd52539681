// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A plugin of Node-RED, which loads it before all nodes. Dashboard 2 asks it who is behind a page: what the page itself
// says of that is not believed.
"use strict";
const login = require("../login.js");

const userOf = (connection) => connection.data && connection.data.user;

function onAddConnectionCredentials(connection, message) {
    if (message === null || typeof message !== "object") { return message; }
    const user = userOf(connection);
    message._client = { ...message._client };
    delete message._client.user;
    if (user) { message._client.user = { ...user }; }
    return message;
}

const recipientOf = (message) => (message && message._client && message._client.user) || {};
const isForAll = ({ username }) => username === undefined || username === null;

// A message for one user reaches the pages of this user only. A user of a provider is another than a local one.
function onIsValidConnection(connection, message) {
    const recipient = recipientOf(message);
    const user = userOf(connection);
    return isForAll(recipient)
        || Boolean(user && user.username === recipient.username && user.provider === recipient.provider);
}

// What is kept is shown to everybody who opens the page later.
const onCanSaveInStore = (message) => isForAll(recipientOf(message));

module.exports = (RED) => {
    RED.plugins.registerPlugin("pifleet-login", {
        type: "node-red-dashboard-2",
        hooks: { onAddConnectionCredentials, onIsValidConnection, onCanSaveInStore },
    });
    login.protect(RED);
};
