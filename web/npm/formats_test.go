//go:build !(js && wasm)

package npm_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFormatsConvert runs in node. What the clients themselves make of it is
// tested in e2e.
func TestFormatsConvert(t *testing.T) {
	const program = `
		import assert from "node:assert/strict";
		import * as formats from "./src/formats.js";

		const jwt = (claims) => "h." + Buffer.from(JSON.stringify(claims)).toString("base64url") + ".s";
		const id_token = jwt({ sub: "ädä", nonce: "n", iss: "i", name: "Ada" });
		const access = jwt({ exp: 1_700_004_000 });
		// As Go passes it on after an exchange.
		const answer = { access_token: access, refresh_token: "r2", token_type: "Bearer", id_token, received_at: 1_700_000_000_000, expires_at: 1_700_004_000_900,
			project: { reference: "Project/p" }, profile: { reference: "Practitioner/ada" }, user: { id: "ada" } };

		const all = {
			rfc6749: [formats.rfc6749({ key: "k" }), "k",
				{ access_token: "a", refresh_token: "r", expires_at: 1700000000, mine: 1 }, { expires_at: 1700000000000 }],
			"rfc6749 in ms": [formats.rfc6749({ key: "k" }), "k",
				{ access_token: "a", refresh_token: "r", expires_at: 1700000000000, mine: 1 }, { expires_at: 1700000000000 }],
			medplum: [formats.medplum(), "activeLogin",
				{ accessToken: jwt({ exp: 7 }), refreshToken: "r", project: { display: "P" }, mine: 1 }, { access_token: jwt({ exp: 7 }), expires_at: 7000 }],
			oidc: [formats.oidcClientTs({ authority: "https://as", client_id: "c" }), "oidc.user:https://as:c",
				{ access_token: "a", refresh_token: "r", expires_at: 7, session_state: "s", profile: { sub: "x" }, mine: 1 }, { expires_at: 7000 }],
			supabase: [formats.supabase({ url: "https://ref.supabase.co" }), "sb-ref-auth-token",
				{ access_token: "a", refresh_token: "r", expires_at: 7, expires_in: 3, user: { id: "x" }, mine: 1 }, { expires_at: 7000 }],
			auth0: [formats.auth0({ clientId: "c" }), "@@auth0spajs@@::c::default::openid profile email offline_access",
				{ body: { access_token: "a", refresh_token: "r", client_id: "c", mine: 1 }, expiresAt: 7, mine: 1 }, { expires_at: 7000 }],
			keycloak: [formats.keycloak({ key: "k" }), "k",
				{ token: jwt({ exp: 7 }), refreshToken: "r", mine: 1 }, { access_token: jwt({ exp: 7 }), expires_at: 7000 }],
		};
		for (const [name, [format, key, stored, read]] of Object.entries(all)) {
			assert.equal(format.key, key, name);
			const got = format.read(JSON.stringify(stored));
			assert.equal(got.access_token, read.access_token ?? "a", name);
			assert.equal(got.refresh_token, "r", name);
			assert.equal(got.expires_at, read.expires_at, name);

			// A refresh keeps what is not of the tokens; to write it twice changes nothing.
			const text = format.write(answer, JSON.stringify(stored));
			assert.equal(format.write(answer, text), text, name);
			assert.equal(JSON.parse(text).mine, 1, name);
			const after = format.read(text);
			assert.equal(after.access_token, access, name);
			assert.equal(after.refresh_token, "r2", name);
			assert.ok(Math.abs(after.expires_at - 1_700_004_000_900) < 1000, name + after.expires_at);
			if (stored.profile) assert.deepEqual(JSON.parse(text).profile, stored.profile, name);

			// Without an answer: a server that says nothing new, a token without an expiry.
			const bare = format.write({ access_token: access, refresh_token: "r" }, JSON.stringify(stored));
			assert.ok(!bare.includes("null"), name + bare);

			// Where there was nothing.
			assert.equal(format.read(format.write(answer, null)).refresh_token, "r2", name);
			for (const nobody of ["null", "{}"]) assert.equal(format.read(nobody), null, name);
			for (const nonsense of ["", "x", "[]", "7", '"a"']) assert.throws(() => format.read(nonsense), undefined, name + nonsense);
		}

		const fresh = JSON.parse(all.oidc[0].write(answer, null));
		assert.deepEqual(fresh.profile, { sub: "ädä", iss: "i", name: "Ada" });
		assert.equal(fresh.session_state, null);

		const { logins } = formats.medplum().beside;
		const others = [{ profile: { reference: "Practitioner/bob" }, accessToken: "b" }];
		const copied = JSON.parse(logins(answer, JSON.stringify([...others, { profile: answer.profile, accessToken: "old" }])));
		assert.deepEqual(copied[0], others[0]);
		assert.equal(copied[1].refreshToken, "r2");
		assert.equal(logins(null, "[]"), null);
		assert.equal(logins(answer, null), null);
		assert.deepEqual(Object.keys(formats.medplum({ prefix: "p-" }).beside), ["p-logins"]);

		const [[key, user]] = Object.entries(formats.auth0({ clientId: "c" }).beside);
		assert.equal(key, "@@auth0spajs@@::c::@@user@@");
		assert.deepEqual(JSON.parse(user(answer, null)).decodedToken.user, { sub: "ädä", name: "Ada" });
		assert.equal(user({ access_token: "a" }, "text"), "text");
		assert.equal(user(null, "text"), null);
		console.log(Object.keys(all).length);`
	cmd := exec.Command(node(t), "--input-type=module", "-e", program)
	cmd.Stderr = os.Stderr
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "7" {
		t.Errorf("%v, %s", err, out)
	}
}

// own is a format of the page's own, which it can have fail.
const own = `
	const format = {
		key: "own",
		read: (text) => wrong.read ? wrong.read(text) : Object.fromEntries(text.split(",").map((part) => part.split("=")).map(([name, value]) => [name, name.endsWith("_at") ? Number(value) : value])),
		write: (record, text) => wrong.write ? wrong.write(record, text) : ["access_token", "refresh_token", "expires_at"].map((name) => name + "=" + record[name]).join(),
	};
	window.wrong = {};
	localStorage.setItem("own", "access_token=stale,refresh_token=r1,expires_at=1");
	const session = await onerefresh.open({...options, format});`

func TestOwnFormat(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			s := newSite(t)
			got := eval[[]any](s.open(how), own+`
				const token = await session.getAccessToken();
				return [session.signedIn, token, format.read(localStorage.own).refresh_token, /\br[12]\b/.test(localStorage["onerefresh/own"])];`)
			if fmt.Sprint(got) != "[true a2 r2 false]" {
				t.Errorf("got %v", got)
			}
			if s.count("/token") != 1 {
				t.Errorf("%d exchanges", s.count("/token"))
			}
		})
	}
}

// Whatever a format does, callers get an error that says what is wrong, no
// refresh token is sent that could not be stored, and what is stored stays.
func TestFormatThatFails(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	eval[any](page, own+`window.format = format`)
	for _, wrong := range []string{
		`read = (text) => { throw new Error(text) }`,
		`read = () => "SECRET"`,
		`read = () => ({access_token: ["SECRET"], refresh_token: "r1"})`,
		`read = () => ({access_token: "a", refresh_token: 7})`,
		`read = () => ({access_token: "a", refresh_token: "r1", expires_at: "SECRET"})`,
		`read = () => ({access_token: "a", refresh_token: "r1", expires_at: -1})`,
		`read = () => ({get access_token() { throw new Error("SECRET") }})`,
		`write = (record) => { throw new Error(record.refresh_token) }`,
		`write = () => undefined`,
		`write = () => ""`,
		`write = () => ({})`,
		`write = (record) => JSON.stringify(record)`,
		`write = (record) => "access_token=" + record.access_token`,
	} {
		got := eval[outcome](page, `
			window.session?.close();
			localStorage.setItem("own", "access_token=stale,refresh_token=r1,expires_at=1");
			wrong.read = wrong.write = undefined;
			wrong.`+wrong+`;
			window.session = await onerefresh.open({...options, format});
			return outcome(session.getAccessToken());`)
		if !got.Typed || got.Code != "misconfigured" || !strings.Contains(got.Message, "stored record own: its format") || strings.Contains(got.String(), "SECRET") {
			t.Errorf("%s: got %s", wrong, got)
		}
		if stored := eval[string](page, `return localStorage.own`); stored != "access_token=stale,refresh_token=r1,expires_at=1" {
			t.Errorf("%s: %s is stored", wrong, stored)
		}
	}
	if n := s.count("/token"); n != 0 {
		t.Errorf("%d exchanges", n)
	}
	if got := eval[outcome](page, `wrong.read = wrong.write = undefined; return outcome(session.getAccessToken())`); got.Value != "a2" {
		t.Errorf("when it works again: %s", got)
	}
}

// A format that fails when the refresh token is spent: the new one is kept in
// memory, and stored as soon as that works.
func TestFormatThatFailsAfterAnExchange(t *testing.T) {
	s := newSite(t)
	page := s.open("esm")
	got := eval[outcome](page, own+`
		window.session = session;
		wrong.write = (record) => {
			if (record.refresh_token !== "r1") throw new Error("no");
			return "access_token=stale,refresh_token=r1,expires_at=1";
		};
		return outcome(session.getAccessToken());`)
	if got.Value != "a2" {
		t.Errorf("got %s", got)
	}
	eval[any](page, `wrong.write = undefined`)
	eventually(t, "the token is stored", func() bool {
		return strings.Contains(eval[string](page, `return localStorage.own`), "refresh_token=r2")
	})
	if n := s.count("/token"); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

// What other code did before the module was there are events, once each.
func TestEventsInAFormat(t *testing.T) {
	for change, want := range map[string][]string{
		`undefined`:                      {},
		`localStorage.removeItem("own")`: {"signedout"},
		`localStorage.setItem("own", "access_token=b,refresh_token=s1,expires_at=" + (Date.now() + 3600e3))`: {"signedin"},
	} {
		s := newSite(t)
		got := eval[[]string](s.open("esm"), own+`
			const events = [];
			localStorage.setItem("own", "access_token=a,refresh_token=r1,expires_at=" + (Date.now() + 3600e3));
			const other = await onerefresh.open({...options, format});
			for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) other.addEventListener(type, () => events.push(type));
			await other.getAccessToken();
			`+change+`;
			await outcome(other.getAccessToken({forceRefresh: true, signal: AbortSignal.timeout(0)})); // has Go open it
			await outcome(other.signOut());
			await new Promise((done) => setTimeout(done, 300)); // for more events, if there are
			return events;`)
		text, _ := json.Marshal(got)
		last := append(want[:len(want):len(want)], "signedout")
		if change == `localStorage.removeItem("own")` {
			last = want
		}
		if expected, _ := json.Marshal(last); string(text) != string(expected) {
			t.Errorf("after %s: %s, want %s", change, text, expected)
		}
	}
}
