//! Accounts: a person is invited, chooses a password, sets up a second step, makes a token; a partner system gets an account.

use chrono::TimeDelta;
use samsyn::access::policy::Role;
use serde_json::json;

use crate::{
    harness::{PASSWORD, id, today, totp_of},
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let (app, kim, anybody) = (t.app, &told.coordinator, t.app.anybody());
    let admin = app.user(Role::Admin, None);
    let botkyrka = app.public_actor("municipality_code:0127");

    // The coordinator invites a colleague, who chooses a password by the link of the letter.
    let user = t.post(kim, "/users", json!({"email": "ali@example.se", "name": "Ali Ny", "language": "sv"}));
    let user = id(&user.json);
    app.letter("ali@example.se", "invitation");
    t.call(kim, "POST", &format!("/users/{user}/invitations"), None);
    let link = app.letter("ali@example.se", "invitation");
    t.post(&anybody, "/account-activations", json!({"token": link, "password": PASSWORD}));
    t.post(&admin, "/grants", json!({"userId": user, "role": "contributor", "scope": {"kind": "actor", "id": botkyrka}}));
    let shown = t.get(kim, &format!("/users/{user}"));
    t.call(&kim.with("If-Match", &shown.etag()), "PATCH", &format!("/users/{user}"), Some(json!({"name": "Ali Nyberg"})));

    // Ali changes the own account.
    let ali = app.sign_in("ali@example.se");
    let me = ali.get("/me").is(200);
    let tag = format!("\"v{}\"", me.json["user"]["version"]);
    t.call(&ali.with("If-Match", &tag), "PATCH", "/me", Some(json!({"language": "en"})));
    t.post(&ali, "/me/password", json!({"currentPassword": PASSWORD, "newPassword": "sju gröna båtar på ett torg"}));
    let other =
        t.post(&anybody, "/sessions", json!({"email": "ali@example.se", "password": "sju gröna båtar på ett torg", "cookie": false}));
    t.get(&ali, "/me/sessions");
    t.call(&ali, "DELETE", &format!("/me/sessions/{}", id(&other.json)), None);
    t.post(&ali, "/me/email", json!({"currentPassword": "sju gröna båtar på ett torg", "email": "ali.nyberg@example.se"}));
    let link = app.letter("ali.nyberg@example.se", "email");
    t.post(&anybody, "/email-changes/confirm", json!({"token": link}));
    t.post(&anybody, "/password-resets", json!({"email": "ali.nyberg@example.se"}));
    let link = app.letter("ali.nyberg@example.se", "password");
    t.post(&anybody, "/password-resets/complete", json!({"token": link, "password": PASSWORD}));

    // A second step, and the way back from it.
    let ali = app.sign_in("ali.nyberg@example.se");
    let setup = t.post(&ali, "/me/second-factor", json!({"currentPassword": PASSWORD}));
    let secret = setup.json["secret"].as_str().unwrap();
    let codes = t.post(&ali, "/me/second-factor/confirm", json!({"code": totp_of(secret, today())}));
    let code = &codes.json["codes"][0];
    t.post(&ali, "/me/second-factor/remove", json!({"currentPassword": PASSWORD, "code": code}));
    t.call(kim, "POST", &format!("/users/{user}/second-factor/remove"), None);

    // A token for Ali's own program. The sessions ended with the second step.
    let ali = app.sign_in("ali.nyberg@example.se");
    let expires = today() + TimeDelta::days(90);
    let token =
        t.post(&ali, "/me/tokens", json!({"name": "Excel", "scopes": ["registry.read", "interventions.write"], "expiresAt": expires}));
    let path = format!("/me/tokens/{}", id(&token.json["personalToken"]));
    app.anybody().with_token(token.json["token"].as_str().unwrap()).get("/actors?limit=1").is(200);
    t.get(&ali, "/me/tokens");
    let tag = t.get(&ali, &path).etag();
    t.call(&ali.with("If-Match", &tag), "DELETE", &path, None);

    // A partner system: its source, its account, its secret, its grant.
    let source = t.post(kim, "/sources", json!({"actorId": botkyrka, "name": "Föreningsregistret", "idScheme": "botkyrka-forening"}));
    let path = format!("/sources/{}", id(&source.json));
    t.call(&kim.with("If-Match", &source.etag()), "PATCH", &path, Some(json!({"name": "Föreningsregistret i Botkyrka"})));
    t.get(kim, &path);
    t.get(kim, "/sources");
    let new = json!({"name": "Föreningsregistret", "authMethod": "client_secret_post", "scopes": ["registry.read", "changes.read"]});
    let account = t.post(kim, "/service-accounts", new);
    let path = format!("/service-accounts/{}", id(&account.json));
    let scopes = json!({"scopes": ["registry.read", "changes.read", "sources.read"]});
    t.call(&kim.with("If-Match", &account.etag()), "PATCH", &path, Some(scopes));
    let secret = t.call(kim, "POST", &format!("{path}/secrets"), None);
    let scope = json!({"kind": "source", "id": id(&source.json)});
    t.post(kim, "/grants", json!({"userId": id(&account.json), "role": "service", "scope": scope}));
    let token = app.token(&[
        ("grant_type", "client_credentials"),
        ("client_id", &id(&account.json)),
        ("client_secret", secret.json["clientSecret"].as_str().unwrap()),
    ]);
    anybody.with_token(token.is(200).json["access_token"].as_str().unwrap()).get("/changes?limit=1").is(200);
    t.call(kim, "POST", &format!("{path}/deactivate"), None);
    t.call(kim, "POST", &format!("{path}/activate"), None);
    t.get(kim, &path);
    t.get(kim, "/service-accounts");

    // Ali leaves, and comes back.
    t.call(kim, "POST", &format!("/users/{user}/deactivate"), None);
    t.call(kim, "POST", &format!("/users/{user}/activate"), None);
}
