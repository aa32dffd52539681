// Copyright (c) 2026, the pifleet.nodered maintainers
// GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// GitHub, which has OAuth without ID tokens: it is asked for the user, and for the organizations, which are the groups.
"use strict";
const { Provider } = require("./provider.js");

const API = "https://api.github.com/user";
const SERVER = Object.freeze({
    issuer: "https://github.com/login/oauth",
    authorization_endpoint: "https://github.com/login/oauth/authorize",
    token_endpoint: "https://github.com/login/oauth/access_token",
});

class GitHubProvider extends Provider {
    async describe() { return { ...SERVER }; }

    parameters(attempt, again) {
        return { scope: "read:user read:org", ...(again ? { prompt: "select_account" } : {}) };
    }

    async claims({ oauth, server, client }, answer) {
        const { access_token: token } = await oauth.processAuthorizationCodeResponse(server, client, answer);
        const [user, organizations] = [await this.#ask(token, ""), await this.#ask(token, "/orgs?per_page=100")];
        return { sub: String(user.id), [this.options.usernameClaim]: user.login,
            [this.options.groupsClaim]: organizations.map((organization) => organization.login) };
    }

    async #ask(token, path) {
        const answer = await this.fetch(API + path, { headers: {
            accept: "application/vnd.github+json", authorization: `Bearer ${token}`, "user-agent": "node-red" } });
        if (answer.status !== 200) { throw new Error(`${API}${path} answers ${answer.status}`); }
        return answer.json();
    }
}

module.exports = { GitHubProvider };
