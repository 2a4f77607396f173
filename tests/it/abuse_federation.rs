//! Signing in with an organisation's identity provider, and attempts to sign in as somebody else.

use rstest::rstest;
use samsyn::{access::policy::Role, kernel::hash};
use serde_json::{Value, json};

use crate::harness::{
    Answer, Client, Database, TestApp, id,
    idp::{Idp, Signing, parameters},
    today,
};

/// Verifier and challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "https://webben.example.se/in";

/// The address at which a frontend starts a sign-in, with some parameters changed. An empty value removes the parameter.
pub fn authorize_path(otherwise: &[(&str, &str)]) -> String {
    let mut asked = vec![
        ("response_type", "code"),
        ("client_id", "webben"),
        ("redirect_uri", REDIRECT),
        ("state", "frontend-state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in otherwise {
        asked.retain(|(known, _)| known != name);
        asked.push((name, value));
    }
    let asked: Vec<_> = asked.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect();
    format!("/oauth2/authorize?{}", asked.join("&"))
}

/// Starts a sign-in. Returns the browser with its cookie, and the address at the provider.
fn begin_sign_in(app: &TestApp) -> (Client, String) {
    let answer = app.anybody().get(&authorize_path(&[])).is(302);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    (app.anybody().with("Cookie", &cookie), location(&answer))
}

pub fn location(answer: &Answer) -> String {
    answer.header("location").expect("somewhere to go").to_owned()
}

/// Signs in with the provider. Returns the parameters that the frontend receives.
pub fn sign_in(app: &TestApp, idp: &Idp, claims: &Value) -> std::collections::BTreeMap<String, String> {
    let (browser, address) = begin_sign_in(app);
    let answer = browser.get(&idp.sign_in(&address, claims)).is(302);
    let address = location(&answer);
    assert!(address.starts_with(&format!("{REDIRECT}?")), "{address}");
    let told = parameters(&address);
    assert_eq!((told["state"].as_str(), told["iss"].as_str()), ("frontend-state", "https://samsyn.example.se"));
    told
}

/// Redeems a code at the token endpoint.
fn redeem(app: &TestApp, code: &str, verifier: &str, client: &str, redirect: &str) -> Answer {
    let form = format!("grant_type=authorization_code&code={code}&code_verifier={verifier}&client_id={client}&redirect_uri={redirect}");
    app.anybody().call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", form.as_bytes())))
}

/// Signs in and redeems the code. Returns a client with the access token.
pub fn account_of(app: &TestApp, idp: &Idp, claims: &Value) -> Client {
    let told = sign_in(app, idp, claims);
    let code = told.get("code").unwrap_or_else(|| panic!("{told:?}"));
    let tokens = redeem(app, code, VERIFIER, "webben", REDIRECT).is(200);
    assert_eq!(tokens.json["token_type"], "Bearer");
    app.anybody().with_token(tokens.json["access_token"].as_str().unwrap())
}

/// Signs in and redeems the code. Returns the user's id.
pub fn user_of(app: &TestApp, idp: &Idp, claims: &Value) -> String {
    id(&account_of(app, idp, claims).get("/me").is(200).json["user"])
}

#[rstest]
fn somebody_unknown_gets_an_account_and_is_known_the_next_time(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    let shown = app.anybody().get("/identity-providers").is(200);
    assert_eq!(
        shown.json["items"],
        json!([{"id": "kommunen", "name": "Kommunens inloggning", "loginUrl": "https://samsyn.example.se/oauth2/authorize?provider=kommunen"}])
    );
    let cookie = app.anybody().get(&authorize_path(&[])).is(302).header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.starts_with("__Host-samsyn-login=") && cookie.ends_with("; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    let me = account_of(&app, &idp, &json!({})).get("/me").is(200).json;
    let first = id(&me["user"]);
    assert_eq!((&me["user"]["email"], &me["user"]["name"]), (&json!("kim@kommun.example.se"), &json!("Kim på kommunen")));
    assert_eq!((&me["user"]["status"], &me["withheldRoles"]), (&json!("active"), &json!([])));
    // The address may change; the user stays the same.
    let again = user_of(&app, &idp, &json!({"email": "other@kommun.example.se"}));
    assert_eq!(again, first);
    // The userinfo endpoint is asked for missing claims, and believed only about the same person.
    let bare = json!({"sub": "robin-1", "email": null, "name": null, "email_verified": null});
    idp.is_told(|idp| idp.userinfo = json!({"sub": "robin-1", "email": "robin@kommun.example.se", "name": "Robin"}));
    assert_eq!(account_of(&app, &idp, &bare).get("/me").is(200).json["user"]["name"], json!("Robin"));
    idp.is_told(|idp| idp.userinfo = json!({"sub": "somebody else", "email": "admin@kommun.example.se", "name": "Admin"}));
    assert_eq!(sign_in(&app, &idp, &bare)["error"], "server_error");
}

#[rstest]
fn without_leave_to_make_accounts_the_unknown_are_sent_back_with_words(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("")) else { return };
    let told = sign_in(&app, &idp, &json!({}));
    assert_eq!(told["error"], "access_denied");
    assert!(told["error_description_sv"].starts_with("Du har inget konto i Samsyn än."), "{told:?}");
    assert!(!told.contains_key("code"));
    // A refusal by the provider is described in our words, never in the provider's.
    for (theirs, ours) in
        [("access_denied", "access_denied"), ("login_required", "server_error"), ("temporarily_unavailable", "temporarily_unavailable")]
    {
        let (browser, address) = begin_sign_in(&app);
        let state = &parameters(&address)["state"];
        let answer = browser.get(&format!("/oauth2/callback?error={theirs}&error_description=Ring+08-123&state={state}")).is(302);
        let told = parameters(&location(&answer));
        assert_eq!(told["error"], ours);
        assert!(!told["error_description"].contains("08-123"));
    }
}

#[rstest]
fn claims_give_grants_and_take_them_back_but_leave_what_people_gave(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let settings = "creates_users = true\ngrants = [\
        { claim = \"groups\", value = \"samordnare\", role = \"coordinator\", scope = \"area:0127\" },\
        { claim = \"groups\", value = \"analys\", role = \"analyst\", scope = \"everywhere\" },\
        { claim = \"title\", value = \"chef\", role = \"reader\", scope = \"actor:01890a5d-ac96-774b-bcce-b302099a8057\" }]";
    let Some(app) = TestApp::start_with(database, &idp.settings(settings)) else { return };
    let user = user_of(&app, &idp, &json!({"groups": ["analys", "samordnare"], "title": "chef"}));
    let admin = app.user(Role::Admin, None);
    let held = || {
        let page = admin.get(&format!("/grants?userId={user}")).is(200);
        let mut held: Vec<_> =
            page.json["items"].as_array().unwrap().iter().map(|grant| (grant["role"].clone(), grant["provider"].clone())).collect();
        held.sort_by_key(|(role, _)| role.to_string());
        held
    };
    let by_provider = json!("kommunen");
    assert_eq!(held(), [(json!("analyst"), by_provider.clone()), (json!("coordinator"), by_provider.clone())]);
    admin.post("/grants", &json!({"userId": user, "role": "evaluator", "scope": {"kind": "everywhere", "id": null}})).is(201);
    let before = admin.get(&format!("/grants?userId={user}")).json["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    user_of(&app, &idp, &json!({"groups": "samordnare"}));
    assert_eq!(held(), [(json!("coordinator"), by_provider), (json!("evaluator"), json!(null))]);
    let after = admin.get(&format!("/grants?userId={user}")).json["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>();
    assert!(after.iter().all(|grant| before.contains(grant)), "what stays is the same grant");
    user_of(&app, &idp, &json!({}));
    assert_eq!(held(), [(json!("evaluator"), json!(null))]);
}

#[rstest]
fn a_role_that_asks_for_more_is_withheld_until_it_is_shown(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let settings = "creates_users = true\nrequired_acr = [{ role = \"admin\", acr = [\"loa3\", \"loa4\"] }]\n\
        grants = [{ claim = \"sub\", value = \"kim-1\", role = \"admin\", scope = \"everywhere\" },\
        { claim = \"sub\", value = \"kim-1\", role = \"analyst\", scope = \"everywhere\" }]";
    let Some(app) = TestApp::start_with(database, &idp.settings(settings)) else { return };
    for (claims, withheld) in [(json!({"acr": "loa2"}), true), (json!({}), true), (json!({"acr": "loa3"}), false)] {
        let kim = account_of(&app, &idp, &claims);
        let me = kim.get("/me").is(200).json;
        assert_eq!(me["withheldRoles"], if withheld { json!(["admin"]) } else { json!([]) });
        kim.get("/users").is(if withheld { 403 } else { 200 });
    }
    // Roles that require two steps count only when the settings say which `acr` is strong enough.
    let settings = format!("second_factor_roles = [\"admin\", \"analyst\"]\n{}", idp.settings(settings));
    let app = TestApp::at_with(today(), &app.url, 2_000_000, &settings);
    for (claims, withheld) in [(json!({"acr": "loa2"}), json!(["admin", "analyst"])), (json!({"acr": "loa3"}), json!(["analyst"]))] {
        let mut told = account_of(&app, &idp, &claims).get("/me").is(200).json["withheldRoles"].clone();
        told.as_array_mut().unwrap().sort_by_key(Value::to_string);
        assert_eq!(told, withheld);
    }
}

#[rstest]
fn abuse_18_a_code_shown_twice_ends_the_session_of_the_first_use(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    let code = sign_in(&app, &idp, &json!({}))["code"].clone();
    let tokens = redeem(&app, &code, VERIFIER, "webben", REDIRECT).is(200).json;
    let holder = app.anybody().with_token(tokens["access_token"].as_str().unwrap());
    holder.get("/me").is(200);
    let again = redeem(&app, &code, VERIFIER, "webben", REDIRECT).is(400);
    assert_eq!(again.json["error"], "invalid_grant");
    holder.get("/me").is(401);
    let refresh = format!("grant_type=refresh_token&client_id=webben&refresh_token={}", tokens["refresh_token"].as_str().unwrap());
    app.anybody().call("POST", "/oauth2/token", Some(("application/x-www-form-urlencoded", refresh.as_bytes()))).is(400);
    redeem(&app, &hash::secret(), VERIFIER, "webben", REDIRECT).is(400);
}

#[rstest]
fn abuse_19_a_code_is_of_no_use_without_its_verifier(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    let plain = [("code_challenge_method", "plain")];
    for otherwise in [&[("code_challenge", "")][..], &[("code_challenge_method", "")], &plain, &[("code_challenge", "too-short")]] {
        let answer = app.anybody().get(&authorize_path(otherwise)).is(400);
        assert!(answer.header("location").is_none());
        assert!(answer.faults()[0].starts_with("code_challenge"), "{:?}", answer.faults());
    }
    for (verifier, client, redirect) in
        [(CHALLENGE, "webben", REDIRECT), (VERIFIER, "another", REDIRECT), (VERIFIER, "webben", "https://webben.example.se/")]
    {
        let code = sign_in(&app, &idp, &json!({}))["code"].clone();
        assert_eq!(redeem(&app, &code, verifier, client, redirect).is(400).json["error"], "invalid_grant");
        // The wrong guess has used up the only try.
        assert_eq!(redeem(&app, &code, VERIFIER, "webben", REDIRECT).is(400).json["error"], "invalid_grant");
    }
    let code = sign_in(&app, &idp, &json!({}))["code"].clone();
    assert_eq!(redeem(&app, &code, "", "webben", REDIRECT).is(400).json["error"], "invalid_request");
    // Nor does a code work after a minute.
    let code = sign_in(&app, &idp, &json!({}))["code"].clone();
    let late = TestApp::at_with(today() + chrono::TimeDelta::seconds(60), &app.url, 2_000_000, &idp.settings("creates_users = true"));
    assert_eq!(redeem(&late, &code, VERIFIER, "webben", REDIRECT).is(400).json["error"], "invalid_grant");
}

#[rstest]
fn abuse_20_nobody_is_sent_to_an_address_that_is_not_registered(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("")) else { return };
    for address in [
        "https://webben.example.se/in/",
        "https://webben.example.se/in?x=1",
        "https://webben.example.se/in%2f..%2fout",
        "https://webben.example.se/in/../out",
        "https://webben.example.se:444/in",
        "https://webben.example.se.evil.example/in",
        "https://webben.example.se@evil.example/in",
        "https://user@webben.example.se/in",
        "https://WEBBEN.example.se/in",
        "http://webben.example.se/in",
        "javascript:alert(1)",
        "//evil.example",
        "",
    ] {
        for encoded in [address.to_owned(), address.replace('%', "%25").replace('?', "%3F").replace('&', "%26")] {
            let answer = app.anybody().get(&authorize_path(&[("redirect_uri", &encoded)])).is(400);
            assert!(answer.header("location").is_none() && answer.header("set-cookie").is_none(), "{encoded}");
            assert_eq!(answer.faults(), ["redirect_uri wrong-form"]);
        }
    }
    app.anybody().get(&format!("{}&redirect_uri=https://evil.example", authorize_path(&[]))).is(400);
    let unknown = app.anybody().get(&authorize_path(&[("client_id", "unknown")])).is(400);
    assert_eq!(unknown.faults(), ["client_id wrong-form"]);
    assert!(unknown.header("location").is_none());
    // A person at a browser gets a page.
    let page = app.anybody().with("Accept", "text/html,*/*;q=0.8").get(&authorize_path(&[("client_id", "%3Cscript%3E")])).is(400);
    assert!(page.body.contains("Inloggningen kunde inte slutföras") && !page.body.contains("<script>"));
}

#[rstest]
fn abuse_21_an_answer_counts_once_in_the_browser_that_asked(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    let refused = |browser: &Client, path: &str| {
        let answer = browser.get(path).is(400);
        assert!(answer.header("location").is_none(), "{path}");
        assert_eq!(answer.faults(), ["state not-found"]);
    };
    app.anybody().get(&authorize_path(&[("state", "")])).is(400);
    let (browser, address) = begin_sign_in(&app);
    let path = idp.sign_in(&address, &json!({}));
    let state = &parameters(&address)["state"];
    refused(&browser, "/oauth2/callback?code=code-0");
    refused(&browser, &format!("/oauth2/callback?code=code-0&state={}", hash::secret()));
    refused(&browser, &format!("/oauth2/callback?code=code-0&state={state}&state={state}"));
    // Another browser is refused, without a cookie and with its own.
    refused(&app.anybody(), &path);
    refused(&begin_sign_in(&app).0, &path);
    browser.get(&path).is(302);
    refused(&browser, &path);
    // Two windows of one browser do not disturb each other.
    let (browser, first) = begin_sign_in(&app);
    let second = browser.get(&authorize_path(&[])).is(302);
    assert!(second.header("set-cookie").unwrap().starts_with(&cookie_of(&browser)), "the browser keeps its secret");
    browser.get(&idp.sign_in(&location(&second), &json!({}))).is(302);
    browser.get(&idp.sign_in(&first, &json!({}))).is(302);
    // A token that was made for another sign-in, or without a nonce, is a replay.
    for nonce in [json!("another"), json!(null)] {
        let (browser, address) = begin_sign_in(&app);
        refused(&browser, &idp.sign_in(&address, &json!({"nonce": nonce})));
    }
    // An answer that names another provider is refused (RFC 9207).
    let (browser, address) = begin_sign_in(&app);
    refused(&browser, &format!("{}&iss=https://evil.example", idp.sign_in(&address, &json!({}))));
    let (browser, address) = begin_sign_in(&app);
    browser.get(&format!("{}&iss={}", idp.sign_in(&address, &json!({})), idp.issuer)).is(302);
    // A sign-in must not take longer than ten minutes.
    let (browser, address) = begin_sign_in(&app);
    let late = TestApp::at_with(today() + chrono::TimeDelta::minutes(10), &app.url, 2_000_000, &idp.settings("creates_users = true"));
    refused(&browser.at(late.address), &idp.sign_in(&address, &json!({})));
}

/// The cookie that a browser sends.
fn cookie_of(browser: &Client) -> String {
    browser.header("cookie").unwrap().to_owned()
}

#[rstest]
fn abuse_22_an_account_is_joined_only_by_a_verified_address_of_a_named_domain(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let idp = Idp::start();
    let settings = "creates_users = true\nemail_domains = [\"kommun.example.se\"]";
    let Some(app) = TestApp::start_with(database, &idp.settings(settings)) else { return };
    app.register("kim@kommun.example.se", "Kim", Role::Admin, None);
    app.register("lo@annan.example.se", "Lo", Role::Admin, None);
    let admin = app.sign_in("lo@annan.example.se");
    let account = admin.get("/users").is(200).json["items"].as_array().unwrap().iter().find(|user| user["name"] == "Kim").map(id).unwrap();
    for claims in [
        json!({"email_verified": false}),
        json!({"email_verified": null}),
        json!({"email_verified": "true"}),
        json!({"email_verified": false, "email": "KIM@KOMMUN.EXAMPLE.SE"}),
        json!({"email": "lo@annan.example.se"}),
    ] {
        let told = sign_in(&app, &idp, &claims);
        assert_eq!(told["error"], "access_denied", "{claims}");
        assert!(told["error_description_sv"].contains("Det finns redan ett konto med din e-postadress"), "{claims}");
    }
    assert_eq!(user_of(&app, &idp, &json!({"email": "Kim@Kommun.example.se"})), account);
    // An invited user needs no letter, and a closed account stays closed.
    let invited = admin.post("/users", &json!({"email": "ny@kommun.example.se", "name": "Ny"})).is(201);
    assert_eq!(invited.json["status"], "invited");
    assert_eq!(user_of(&app, &idp, &json!({"sub": "ny-1", "email": "ny@kommun.example.se"})), id(&invited.json));
    let shown = admin.get(&format!("/users/{}", id(&invited.json))).is(200);
    assert_eq!(shown.json["status"], "active");
    admin.with("If-Match", &shown.etag()).call("POST", &format!("/users/{}/deactivate", id(&invited.json)), None).is(200);
    assert_eq!(sign_in(&app, &idp, &json!({"sub": "ny-1"}))["error"], "access_denied");
    // The same address with another subject is another person, for instance the next holder of the address.
    assert_eq!(sign_in(&app, &idp, &json!({"sub": "kim-2"}))["error"], "access_denied");
    // An account whose address has not been verified is not linked either.
    user_of(&app, &idp, &json!({"sub": "eve", "email": "robin@kommun.example.se", "email_verified": false}));
    assert_eq!(sign_in(&app, &idp, &json!({"sub": "robin", "email": "robin@kommun.example.se"}))["error"], "access_denied");
}

#[rstest]
fn abuse_118_a_provider_accepts_no_invitation_for_a_person(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let idp = Idp::start();
    let settings = "creates_users = true\nemail_domains = [\"kommun.example.se\"]";
    let Some(app) = TestApp::start_with(database, &idp.settings(settings)) else { return };
    let botkyrka = app.public_actor("municipality_code:0127");
    let attacker = app.user(Role::ActorAdmin, Some(("actor", &botkyrka)));
    let squatted = id(&attacker.post("/users", &json!({"email": "chef@kommun.example.se", "name": "Chef"})).is(201).json);
    attacker.post("/grants", &json!({"userId": squatted, "role": "reader", "scope": {"kind": "actor", "id": botkyrka}})).is(201);
    let user = user_of(&app, &idp, &json!({"sub": "chef", "email": "chef@kommun.example.se"}));
    assert_ne!(user, squatted);
    attacker.get(&format!("/users/{user}")).is(404);
    assert_eq!(attacker.get(&format!("/users/{squatted}")).is(200).json["status"], "invited");
    // An unverified address does not give access to the invitation for that address.
    let admin = app.user(Role::Admin, None);
    let invited = id(&admin.post("/users", &json!({"email": "ny@kommun.example.se", "name": "Ny"})).is(201).json);
    assert_ne!(user_of(&app, &idp, &json!({"sub": "eve", "email": "ny@kommun.example.se", "email_verified": false})), invited);
    // Nor does the invitation of an administrator whose grant has ended.
    let former = app.user(Role::Admin, None);
    let late = id(&former.post("/users", &json!({"email": "sen@kommun.example.se", "name": "Sen"})).is(201).json);
    app.execute(
        "UPDATE access_grant SET valid_to = '2026-01-01' \
         WHERE user_id = (SELECT registrar_id FROM user_account WHERE email = 'sen@kommun.example.se')",
    );
    assert_ne!(user_of(&app, &idp, &json!({"sub": "sen", "email": "sen@kommun.example.se"})), late);
}

#[rstest]
fn abuse_86_where_to_go_next_is_nobodys_to_say(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    let evil = [("next", "//evil.example"), ("return_to", "https://evil.example"), ("provider", "kommunen")];
    let answer = app.anybody().get(&authorize_path(&evil)).is(302);
    assert!(location(&answer).starts_with(&format!("{}/authorize?", idp.issuer)) && !location(&answer).contains("evil"));
    let (browser, address) = begin_sign_in(&app);
    let back = browser.get(&format!("{}&next=//evil.example&redirect_uri=https://evil.example", idp.sign_in(&address, &json!({})))).is(302);
    assert!(location(&back).starts_with(&format!("{REDIRECT}?")) && !location(&back).contains("evil"));
}

#[rstest]
fn abuse_94_only_the_operators_provider_is_asked_and_only_its_keys_count(#[values(Database::Sqlite)] database: Database) {
    let idp = Idp::start();
    let Some(app) = TestApp::start_with(database, &idp.settings("creates_users = true")) else { return };
    for claims in [
        json!({"iss": "https://evil.example"}),
        json!({"aud": "another"}),
        json!({"aud": ["samsyn", "another"]}),
        json!({"azp": "another"}),
        json!({"exp": today().timestamp() - 60}),
        json!({"iat": today().timestamp() + 61}),
        json!({"sub": ""}),
    ] {
        assert_eq!(sign_in(&app, &idp, &claims)["error"], "server_error", "{claims}");
    }
    for signing in [Signing::Not, Signing::Forged] {
        idp.is_told(|idp| idp.signing = signing);
        assert_eq!(sign_in(&app, &idp, &json!({}))["error"], "server_error", "{signing:?}");
    }
    assert_eq!(idp.calls("/jwks"), 1, "keys are remembered");
    // Keys are fetched again for an unknown key, at most once a minute.
    idp.is_told(|idp| (idp.signing, idp.key_id) = (Signing::Properly, "two".to_owned()));
    assert!(sign_in(&app, &idp, &json!({})).contains_key("code"));
    idp.is_told(|idp| idp.signing = Signing::ByUnknownKey);
    for _ in 0..3 {
        assert_eq!(sign_in(&app, &idp, &json!({}))["error"], "server_error");
    }
    assert_eq!(idp.calls("/jwks"), 2, "an unknown key makes nobody ask again and again");
    // The discovery document must name the configured issuer, and only addresses that are safe for secrets.
    for (member, value) in [
        ("issuer", "https://evil.example"),
        ("jwks_uri", "http://evil.example/jwks"),
        ("token_endpoint", "http://169.254.169.254/token"),
        ("authorization_endpoint", "javascript:alert(1)"),
    ] {
        let idp = Idp::start();
        idp.is_told(|idp| idp.discovery = json!({member: value}));
        let Some(app) = TestApp::start_with(database, &idp.settings("")) else { return };
        let told = app.anybody().get(&authorize_path(&[])).is(302);
        assert!(location(&told).starts_with(&format!("{REDIRECT}?error=server_error")), "{}", location(&told));
    }
    // Only the operator decides where a provider is.
    let named = app.anybody().get(&authorize_path(&[("provider", "https://evil.example"), ("iss", "https://evil.example")])).is(400);
    assert_eq!(named.faults(), ["provider wrong-form"]);
}

#[rstest]
fn a_provider_that_is_away_is_told_as_such_and_stops_nobody_from_starting(#[values(Database::Sqlite)] database: Database) {
    let settings = Idp::start().settings("");
    let Some(app) = TestApp::start_with(database, &settings) else { return };
    let told = parameters(&location(&app.anybody().get(&authorize_path(&[])).is(302)));
    assert_eq!((told["error"].as_str(), told["state"].as_str()), ("temporarily_unavailable", "frontend-state"));
    assert!(told["error_description_sv"].starts_with("Kommunens inloggning svarar inte just nu."));
}
