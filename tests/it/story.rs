//! The main job from beginning to end: a coordinator takes a case from actors to a decided priority. Every operation of the
//! API is called at least once, and what was sent and answered becomes the examples of the contract.

use std::collections::BTreeMap;

use rstest::rstest;
use samsyn::{access::policy::Role, exchange::changes};
use serde_json::{Value, json};

use crate::{
    chapters,
    contract::{checker, fits, golden, operations},
    harness::{Answer, Client, Database, PASSWORD, TestApp, id},
};

/// Calls on behalf of somebody and keeps the first exchange of each operation.
pub struct Teller<'a> {
    pub app: &'a TestApp,
    operations: Vec<(String, String, Value)>,
    pub told: BTreeMap<String, Value>,
    /// Every address that was read.
    pub read: Vec<String>,
}

impl<'a> Teller<'a> {
    pub fn new(app: &'a TestApp) -> Self {
        Self { app, operations: operations(), told: BTreeMap::new(), read: Vec::new() }
    }

    /// One call, which must succeed as the contract says.
    #[track_caller]
    pub fn tell(&mut self, who: &Client, method: &str, path: &str, body: Option<Value>) -> Answer {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let bytes = body.as_ref().map(|body| body.to_string().into_bytes());
        let answer = who.call(method, path, bytes.as_deref().map(|bytes| (media_type, bytes)));
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        let (_, _, operation) = self
            .operations
            .iter()
            .filter(|(known, pattern, _)| known == method && fits(pattern, path))
            // A fixed part of a path says more than a variable one.
            .min_by_key(|(_, pattern, _)| pattern.matches('{').count())
            .unwrap_or_else(|| panic!("{method} {path} is not in the contract"));
        let described = &operation["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{method} {path} answers {}, which the contract does not say", answer.status);
        // What is streamed as a table has no tag, though the list has one.
        for header in ["ETag", "Location", "Link"].into_iter().filter(|_| !path.contains("format=")) {
            let (said, sent) = (described["headers"][header].is_object(), answer.header(header).is_some());
            assert!(said == sent, "{method} {path} answers {} with {header}: {sent}; the contract says {said}", answer.status);
        }
        let schema = &described["content"]["application/json"]["schema"];
        if schema.is_object() && !path.contains("fields=") {
            let errors: Vec<_> =
                checker(schema).iter_errors(&answer.json).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{method} {path} answers what its schema does not: {errors:?}\n{}", answer.body);
        }
        if method == "GET" {
            self.read.push(path.to_owned());
        }
        let name = operation["operationId"].as_str().unwrap().to_owned();
        if let std::collections::btree_map::Entry::Vacant(e) = self.told.entry(name) {
            let mut exchange = json!({});
            if let Some(body) = &body {
                exchange["request"] = without_secrets(body);
            }
            if !answer.json.is_null() {
                exchange["response"] = without_secrets(&answer.json);
            }
            e.insert(exchange);
        }
        answer
    }

    #[track_caller]
    pub fn get(&mut self, who: &Client, path: &str) -> Answer {
        self.tell(who, "GET", path, None)
    }

    #[track_caller]
    pub fn post(&mut self, who: &Client, path: &str, body: Value) -> Answer {
        self.tell(who, "POST", path, Some(body))
    }
}

/// The same with tokens and passwords as they look, not as they are.
fn without_secrets(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(items) = value.as_array_mut() {
        for item in items {
            *item = without_secrets(item);
        }
    }
    if let Some(members) = value.as_object_mut() {
        for (name, member) in members {
            match name.as_str() {
                "accessToken" => *member = json!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"),
                "password" | "currentPassword" | "newPassword" => *member = json!("en mening med några ord"),
                "token" if member.as_str().is_some_and(|token| token.starts_with("smsn_pat_")) => {
                    *member = json!("smsn_pat_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3cQ2x9aB");
                }
                "refreshToken" | "token" => *member = json!("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                "clientSecret" => *member = json!("smsn_cs_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                "secret" if member.as_str().is_some_and(|secret| secret.starts_with("whsec_")) => {
                    *member = json!("whsec_q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c=");
                }
                // Nobody is there, and nobody outside is called.
                "url" if member.as_str().is_some_and(|url| url.starts_with("https://127.")) => {
                    *member = json!("https://partner.example.com/samsyn");
                }
                "lastDurationMs" if member.is_number() => *member = json!(3),
                "webhook" => *member = without_secrets(member),
                "items" if member[0]["url"].is_string() || !member[0]["webhookId"].is_null() => *member = without_secrets(member),
                "secret" => *member = json!("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
                "uri" => *member = json!("otpauth://totp/Samsyn:ali%40example.se?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Samsyn"),
                // The digits of a second step or a recovery code; the code of an area or an indicator is no secret.
                "code"
                    if member
                        .as_str()
                        .is_some_and(|code| code.contains('-') || code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit())) =>
                {
                    *member = json!("287082");
                }
                "codes" if member.is_array() => *member = json!(["4f6b29c-01d77ae-305b8c4-1f0a2d9"]),
                // Sealed with the secret of the installation, which is another each time.
                "nextCursor" | "changeCursor" if member.is_string() => *member = json!("q2wUuR0nJr7b3oY2kV0m8sE1tH5xZ4aC6dF9gL7pN3c"),
                _ => {}
            }
        }
    }
    value
}

/// What the story leaves behind.
pub struct Told {
    pub coordinator: Client,
    pub municipality: Client,
    pub association: Client,
    pub forum: String,
    pub assessment: String,
    pub finding: String,
    pub cause: String,
    pub interventions: Vec<String>,
    pub round: String,
    pub decision: String,
}

/// Tells the story.
#[expect(clippy::too_many_lines, reason = "a story is read from beginning to end")]
pub fn tell(t: &mut Teller<'_>) -> Told {
    let app = t.app;
    let county = app.area("01");
    let botkyrka = app.area("0127");

    // The service tells what it is.
    let anybody = app.anybody();
    t.get(&anybody, "/api-info");
    t.get(&anybody, "/config");
    t.get(&anybody, "/codelists?codelist=Sector");
    t.get(&anybody, "/codelists/Sector");
    t.get(&anybody, &format!("/areas?below={botkyrka}&limit=2"));
    t.get(&anybody, &format!("/areas/{botkyrka}"));

    // A coordinator for the county signs in, registered at the console.
    app.register("samordnare@example.se", "Kim Samordnare", Role::Coordinator, Some(("area", &county)));
    let session = t.post(&anybody, "/sessions", json!({"email": "samordnare@example.se", "password": PASSWORD}));
    let renewed = t.post(&anybody, "/sessions/refresh", json!({"refreshToken": session.json["refreshToken"]}));
    let kim = anybody.with_token(renewed.json["accessToken"].as_str().unwrap());
    t.get(&kim, "/me");

    // She registers an association and a foundation in Botkyrka; the municipality and the region are there already.
    let municipality = app.public_actor("municipality_code:0127");
    let region = app.public_actor("county_code:01");
    let association = t.post(
        &kim,
        "/actors",
        json!({"kind": "association", "name": "Fittja Grannar", "seatAreaId": botkyrka, "areasServed": [botkyrka], "otherNames": ["Grannarna"],
            "focus": "Gemenskap och bättre villkor i Fittja", "policyDomains": ["civil_society"], "website": "https://fittjagrannar.example.se/",
            "identifiers": [{"scheme": "SE-ON", "value": "802001-0008"}]}),
    );
    let association = id(&association.json);
    let foundation = t.post(&kim, "/actors", json!({"kind": "foundation", "name": "Stiftelsen Norra Botkyrka", "seatAreaId": botkyrka}));
    let (foundation, foundation_tag) = (id(&foundation.json), foundation.etag());
    t.tell(
        &kim.with("If-Match", &foundation_tag),
        "PATCH",
        &format!("/actors/{foundation}"),
        Some(json!({"focus": "Lärande och arbete för unga"})),
    );
    t.get(&kim, "/actors?q=fittja&fields=id,name,kind");
    t.told.remove("listActors");
    t.get(&kim, "/actors?q=fittja");
    t.get(&kim, &format!("/actors/{association}"));

    // Who runs the installation lets the first of their people in: nobody else holds all that an actor's administrator does.
    let admin = app.user(Role::Admin, None);
    let mut people = Vec::new();
    for (name, actor) in [("kommun", &municipality), ("region", &region), ("forening", &association)] {
        let email = format!("{name}@example.se");
        let user = t.post(&admin, "/users", json!({"email": email, "name": format!("Robin {name}")}));
        t.post(&admin, "/grants", json!({"userId": id(&user.json), "role": "actor_admin", "scope": {"kind": "actor", "id": actor}}));
        let link = app.letter(&email, "invitation");
        anybody.post("/account-activations", &json!({"token": link, "password": PASSWORD})).is(204);
        people.push(app.sign_in(&email));
    }
    let [for_municipality, for_region, for_association] = people.try_into().unwrap();

    // What may each decide?
    let mandate = t.post(
        &kim,
        "/mandates",
        json!({"actorId": municipality, "policyDomain": "housing", "areaId": botkyrka, "powers": ["decide", "implement"], "basis": "statutory",
            "legalBasis": "Lagen (2000:1383) om kommunernas bostadsförsörjningsansvar", "validFrom": "2001-01-01"}),
    );
    for (actor, domain, basis) in [(&association, "civil_society", "voluntary"), (&foundation, "labour_market", "agreed")] {
        t.post(
            &kim,
            "/mandates",
            json!({"actorId": actor, "policyDomain": domain, "areaId": botkyrka, "powers": ["implement"], "basis": basis}),
        );
    }
    let mandate_path = format!("/mandates/{}", id(&mandate.json));
    t.tell(&kim.with("If-Match", &mandate.etag()), "PATCH", &mandate_path, Some(json!({"powers": ["decide", "fund", "implement"]})));
    t.tell(&kim, "POST", &format!("{mandate_path}/confirm"), None);
    t.get(&kim, &format!("/mandates?actorId={municipality}&validOn=2026-01-01"));
    t.get(&kim, &mandate_path);
    let mistaken = t.post(
        &kim,
        "/mandates",
        json!({"actorId": foundation, "policyDomain": "health", "areaId": botkyrka, "powers": ["inform"], "basis": "voluntary"}),
    );
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/mandates/{}", id(&mistaken.json)), None);

    // She opens a forum with them and the region.
    let forum = t.post(
        &kim,
        "/forums",
        json!({"kind": "council", "level": "local", "name": "Samverkansrådet i norra Botkyrka", "areas": [botkyrka],
            "purpose": "En gemensam bild av levnadsvillkoren i norra Botkyrka", "complementsLineOrganisation": true}),
    );
    let forum_id = id(&forum.json);
    let forum_path = format!("/forums/{forum_id}");
    let mut members = Vec::new();
    for (actor, function, now, wish) in [
        (&municipality, "chair", "dialogue", "partnership"),
        (&region, "member", "information", "dialogue"),
        (&association, "member", "consultation", "partnership"),
        (&foundation, "observer", "information", "information"),
    ] {
        let new = json!({"actorId": actor, "function": function, "currentLevel": now, "desiredLevel": wish});
        members.push(t.post(&kim, &format!("{forum_path}/members"), new));
    }
    for (who, member) in [(&for_municipality, &members[0]), (&for_region, &members[1]), (&for_association, &members[2])] {
        t.tell(who, "POST", &format!("{forum_path}/members/{}/accept", id(&member.json)), None);
    }
    let fourth = format!("{forum_path}/members/{}", id(&members[3].json));
    // The foundation tries it and leaves; asked again it says no.
    let for_foundation = app.user(Role::ActorAdmin, Some(("actor", &foundation)));
    for_foundation.call("POST", &format!("{fourth}/accept"), None).is(200);
    t.tell(&for_foundation, "POST", &format!("{fourth}/leave"), None);
    kim.post(&format!("{forum_path}/members"), &json!({"actorId": foundation, "function": "observer"})).is(201);
    t.tell(&for_foundation, "POST", &format!("{fourth}/decline"), None);
    let second = format!("{forum_path}/members/{}", id(&members[1].json));
    let tag = t.get(&kim, &second).etag();
    t.tell(&kim.with("If-Match", &tag), "PATCH", &second, Some(json!({"currentLevel": "consultation"})));
    let tag = t.get(&kim, &fourth).etag();
    t.tell(&kim.with("If-Match", &tag), "DELETE", &fourth, None);
    t.get(&kim, &format!("{forum_path}/members"));
    t.tell(&kim.with("If-Match", &forum.etag()), "PATCH", &forum_path, Some(json!({"meetingRhythm": "Sex gånger om året"})));
    t.get(&kim, "/forums?q=samverkans");
    t.get(&kim, &forum_path);
    let mistaken = t.post(&kim, "/forums", json!({"kind": "network", "level": "regional", "name": "Öppnat av misstag", "areas": [county]}));
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/forums/{}", id(&mistaken.json)), None);

    // She imports real statistics from a CSV, trying it first.
    let indicator = t.post(
        &kim,
        "/indicators",
        json!({"code": "wage_income", "nameSv": "Löneinkomst, medelvärde för samtliga", "nameEn": "Wage income, mean of all",
            "statisticalArea": "socioeconomic", "valueKind": "mean", "unit": "SEK thousand", "polarity": "higher", "availableFrom": 2020}),
    );
    let indicator_id = id(&indicator.json);
    t.get(&kim, "/indicators?statisticalArea=housing_services&limit=2");
    t.get(&kim, &format!("/indicators/{indicator_id}"));
    let wages = include_bytes!("../../docs/data/botkyrka-loneinkomst.csv");
    let import = "/observation-imports?indicator=wage_income&source=SCB&licence=CC0";
    let tried = kim.call("POST", &format!("{import}&dryRun=true"), Some(("text/csv", wages))).is(201);
    assert_eq!((&tried.json["id"], &tried.json["rowsCreated"]), (&Value::Null, &json!(80)));
    let imported = kim.call("POST", import, Some(("text/csv", wages))).is(201);
    assert_eq!((&imported.json["rowsCreated"], &imported.json["rowsRefused"]), (&json!(80), &json!(0)));
    let again = kim.call("POST", import, Some(("text/csv", wages))).is(201);
    assert_eq!((&again.json["id"], &again.json["rowsUnchanged"]), (&Value::Null, &json!(80)));
    let report = t.post(
        &kim,
        "/observation-imports?indicator=neet&source=SCB",
        json!({"rows": [{"areaCode": "0127", "period": "2023", "breakdown": {"sex": "women"}, "numerator": 912, "denominator": 7600},
            {"areaCode": "127", "period": "2023", "value": 12.5}]}),
    );
    assert_eq!((&report.json["rowsCreated"], &report.json["rowsRefused"]), (&json!(1), &json!(1)));
    t.get(&kim, &format!("/observation-imports/{}", id(&report.json)));
    let fittja = app.area("0127R005");
    let norsborg = app.area("0127R010");
    let tullinge = app.area("0127R015");
    let values = t.get(&kim, &format!("/observations?indicatorId={indicator_id}&areaId={fittja}&period=2023"));
    let observation = id(&values.json["items"][0]);
    assert_eq!(values.json["items"][0]["value"], json!(188.1));
    t.get(&kim, &format!("/observations/{observation}"));

    // A shared assessment: a finding with frozen evidence, a cause, and each party's word.
    let assessment = t.post(
        &kim,
        "/assessments",
        json!({"title": "Inkomstskillnader mellan Botkyrkas stadsdelar", "forumId": forum_id, "areaId": botkyrka,
            "purpose": "Underlag för vad rådet prioriterar", "validFrom": "2020-01-01", "validTo": "2024-01-01"}),
    );
    let assessment_id = id(&assessment.json);
    let path = format!("/assessments/{assessment_id}");
    t.tell(&kim.with("If-Match", &assessment.etag()), "PATCH", &path, Some(json!({"purpose": "Underlag för vad rådet prioriterar 2027"})));
    let finding = t.post(
        &for_municipality,
        &format!("{path}/findings"),
        json!({"kind": "difference", "statement": "Löneinkomsten i Norsborg och Fittja är två femtedelar av den i Tullinge villastad.", "policyDomains": ["labour_market"]}),
    );
    let finding_id = id(&finding.json);
    let finding_path = format!("{path}/findings/{finding_id}");
    t.tell(&kim.with("If-Match", &finding.etag()), "PATCH", &finding_path, Some(json!({"policyDomains": ["labour_market", "housing"]})));
    t.get(&kim, &finding_path);
    t.get(&kim, &format!("{path}/findings"));
    let evidence = t.post(
        &kim,
        &format!("{finding_path}/evidence"),
        json!({"kind": "statistic", "note": "Fittja, Norsborg och Tullinge villastad 2023",
            "query": {"indicatorId": indicator_id, "areaIds": [fittja, norsborg, tullinge], "periods": ["2023"]}}),
    );
    assert_eq!((&evidence.json["answer"]["lowest"], &evidence.json["answer"]["highest"]), (&json!(179.4), &json!(440.7)));
    t.get(&kim, &format!("{finding_path}/evidence"));
    t.get(&kim, &format!("{finding_path}/evidence/{}", id(&evidence.json)));
    for more in ["canonical", "verify"] {
        t.get(&kim, &format!("{finding_path}/evidence/{}/{more}", id(&evidence.json)));
    }
    let twice = json!({"kind": "statistic", "query": {"indicatorId": indicator_id, "areaIds": [fittja], "periods": ["2023"]}});
    let twice = kim.post(&format!("{finding_path}/evidence"), &twice).is(201);
    t.tell(&kim.with("If-Match", &twice.etag()), "DELETE", &format!("{finding_path}/evidence/{}", id(&twice.json)), None);
    let mistaken = kim.post(&format!("{path}/findings"), &json!({"kind": "pattern", "statement": "Skriven av misstag"})).is(201);
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("{path}/findings/{}", id(&mistaken.json)), None);
    let mistaken = kim.post(&format!("{path}/causes"), &json!({"statement": "Skriven av misstag", "level": "local"})).is(201);
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("{path}/causes/{}", id(&mistaken.json)), None);
    let cause = t.post(
        &kim,
        &format!("{path}/causes"),
        json!({"statement": "Bostadsbeståndet är ensidigt: hyresrätter i norr och småhus i Tullinge.", "level": "local", "structural": true,
            "explanation": "political_decision", "findings": [finding_id], "policyDomains": ["housing"]}),
    );
    let cause_id = id(&cause.json);
    let cause_path = format!("{path}/causes/{cause_id}");
    t.tell(&kim.with("If-Match", &cause.etag()), "PATCH", &cause_path, Some(json!({"confidence": "medium"})));
    t.get(&kim, &cause_path);
    t.get(&kim, &format!("{path}/causes"));
    t.tell(&kim, "POST", &format!("{path}/review"), None);
    t.get(&for_municipality, "/me/tasks");
    let word = format!("{path}/endorsements/{municipality}");
    let hasty = t.tell(&for_municipality, "PUT", &word, Some(json!({"position": "endorse"})));
    t.tell(&for_municipality.with("If-Match", &hasty.etag()), "DELETE", &word, None);
    for_municipality.put(&word, &json!({"position": "endorse"})).is(201);
    let silent = for_association.put(&format!("{path}/endorsements/{association}"), &json!({"position": "dissent"})).is(422);
    assert_eq!(silent.faults(), ["/reason required"]);
    t.tell(
        &for_association,
        "PUT",
        &format!("{path}/endorsements/{association}"),
        Some(json!({"position": "dissent", "reason": "Bilden säger för lite om de boendes egna krafter."})),
    );
    t.get(&kim, &format!("{path}/endorsements"));
    t.get(&kim, &format!("{path}/endorsements/{association}"));
    t.tell(&for_municipality, "POST", &format!("{path}/agree"), None);

    // Three interventions that address the cause.
    let mut interventions = Vec::new();
    for (title, owner, who, addresses, instrument) in [
        ("Blandade upplåtelseformer i Fittja", &municipality, &for_municipality, "underlying_cause", "strategic_document"),
        ("Uthyrningskriterier som inte stänger ute", &municipality, &kim, "underlying_cause", "guideline"),
        ("Läxhjälp och sommarjobb", &association, &for_association, "consequence", "target_group_measure"),
    ] {
        let new = json!({"title": title, "ownerActorId": owner, "forumId": forum_id, "status": "planned", "horizon": "long", "addresses": addresses,
            "instrument": instrument, "areas": [botkyrka], "causes": [cause_id], "policyDomains": ["housing"], "budget": 2_500_000, "visibility": "forum"});
        interventions.push(t.post(who, "/interventions", new));
    }
    let first = format!("/interventions/{}", id(&interventions[0].json));
    t.tell(
        &kim.with("If-Match", &interventions[0].etag()),
        "PATCH",
        &first,
        Some(json!({"description": "Översiktsplanen ger plats för radhus och bostadsrätter."})),
    );
    t.get(&kim, &first);
    t.get(&kim, &format!("/interventions?causeId={cause_id}&q=upplåtelse"));
    let mistaken = t.post(
        &for_municipality,
        "/interventions",
        json!({"title": "Registrerad av misstag", "ownerActorId": municipality, "status": "idea", "horizon": "short", "addresses": "consequence", "instrument": "area_measure"}),
    );
    t.tell(&for_municipality.with("If-Match", &mistaken.etag()), "DELETE", &format!("/interventions/{}", id(&mistaken.json)), None);
    let interventions: Vec<_> = interventions.iter().map(|intervention| id(&intervention.json)).collect();

    // A round with weighted criteria; the members cast their ballots.
    let round = t.post(
        &kim,
        "/rounds",
        json!({"forumId": forum_id, "question": "Vilka insatser ska gå först?", "horizon": "short", "candidates": interventions,
            "criteria": [{"key": "effect", "name": "Effekt på bakomliggande orsaker", "weight": 3, "scale": 5},
                {"key": "feasibility", "name": "Genomförbarhet", "weight": 2, "scale": 5}]}),
    );
    let round_id = id(&round.json);
    let round_path = format!("/rounds/{round_id}");
    t.tell(&kim.with("If-Match", &round.etag()), "PATCH", &round_path, Some(json!({"question": "Vilka insatser ska gå först 2027?"})));
    t.tell(&kim, "POST", &format!("{round_path}/open"), None);
    for (who, actor, scores) in [
        (&for_municipality, &municipality, [[5, 3], [4, 5], [2, 4]]),
        (&for_region, &region, [[4, 2], [4, 4], [3, 4]]),
        (&for_association, &association, [[3, 2], [3, 4], [4, 5]]),
    ] {
        let score = |(candidate, [effect, feasibility]): (&String, [i32; 2])| {
            [("effect", effect), ("feasibility", feasibility)]
                .map(|(criterion, score)| json!({"interventionId": candidate, "criterion": criterion, "score": score}))
        };
        let scores: Vec<_> = interventions.iter().zip(scores).flat_map(score).collect();
        t.tell(who, "PUT", &format!("{round_path}/ballots/{actor}"), Some(json!({"scores": scores})));
    }
    let ballot = format!("{round_path}/ballots/{region}");
    let cast = for_region.get(&ballot).is(200);
    t.tell(&for_region.with("If-Match", &cast.etag()), "DELETE", &ballot, None);
    for_region.put(&ballot, &json!({"scores": cast.json["scores"]})).is(201);
    let own = for_region.get(&format!("{round_path}/ballots"));
    assert_eq!(own.json["items"].as_array().unwrap().len(), 1, "while the round is open a party sees its own ballot only");
    let closed = t.tell(&kim, "POST", &format!("{round_path}/close"), None);
    let ranking: Vec<_> = closed.json["result"]["ranking"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ranked| ranked["interventionId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ranking, [interventions[1].clone(), interventions[2].clone(), interventions[0].clone()]);
    t.get(&kim, &format!("{round_path}/ballots"));
    t.get(&kim, &format!("{round_path}/ballots/{region}"));
    t.get(&kim, &round_path);
    t.get(&kim, &format!("/rounds?forumId={forum_id}"));
    for more in ["canonical", "verify"] {
        t.get(&kim, &format!("{round_path}/{more}"));
    }
    let prepared = json!({"forumId": forum_id, "question": "Förberedd av misstag", "horizon": "short", "candidates": interventions,
        "criteria": [{"key": "effect", "name": "Effekt", "weight": 1, "scale": 5}]});
    let mistaken = kim.post("/rounds", &prepared).is(201);
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/rounds/{}", id(&mistaken.json)), None);
    let moot = format!("/rounds/{}", id(&kim.post("/rounds", &prepared).is(201).json));
    kim.call("POST", &format!("{moot}/open"), None).is(200);
    t.tell(&kim, "POST", &format!("{moot}/withdraw"), None);

    // The decision departs from the ranking, with its reason.
    let silent = kim.post("/decisions", &json!({"roundId": round_id, "chosen": [interventions[0]], "decidedOn": "2026-11-20"})).is(422);
    assert_eq!(silent.faults(), ["/reason required"]);
    let decision = t.post(
        &kim,
        "/decisions",
        json!({"roundId": round_id, "chosen": [interventions[0], interventions[1]], "decidedOn": "2026-11-20",
            "reason": "Rådet vill börja med orsaken bakom skillnaderna, även om den tar längre tid."}),
    );
    assert_eq!(decision.json["departs"], json!(true));
    let decision_id = id(&decision.json);
    t.tell(
        &kim.with("If-Match", &decision.etag()),
        "PATCH",
        &format!("/decisions/{decision_id}"),
        Some(json!({"decidedOn": "2026-11-19"})),
    );
    t.get(&kim, &format!("/decisions/{decision_id}"));
    t.get(&kim, &format!("/decisions?roundId={round_id}"));

    // Publishing freezes a revision with a digest; later changes of the numbers do not change it.
    t.tell(&for_municipality, "POST", &format!("{path}/publish"), None);
    let revisions = t.get(&kim, &format!("{path}/revisions"));
    let revision = t.get(&kim, &format!("{path}/revisions/{}", id(&revisions.json["items"][0])));
    for more in ["canonical", "verify"] {
        t.get(&kim, &format!("{path}/revisions/{}/{more}", id(&revision.json)));
    }
    let canonical = samsyn::kernel::hash::frozen(2, &revision.json["content"]).unwrap();
    assert_eq!(revision.json["hash"], json!(samsyn::kernel::hash::sha256_hex(canonical.as_bytes())));
    assert_eq!(revision.json["content"]["endorsements"][1]["position"], json!("dissent"));
    t.get(&kim, &path);
    t.get(&kim, "/assessments?q=inkomst&status=published");
    t.tell(&kim, "POST", &format!("{path}/revise"), None);
    let mistaken = t.post(&kim, "/assessments", json!({"title": "Öppnad av misstag", "forumId": forum_id, "areaId": botkyrka}));
    t.tell(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/assessments/{}", id(&mistaken.json)), None);
    // What is published stays.
    kim.delete(&path, "*").is(409);

    // The red thread from the decision back to the numbers, and forward again.
    let trace = t.get(&kim, &format!("/trace/decision/{decision_id}"));
    let kinds: Vec<_> = trace.json["nodes"].as_array().unwrap().iter().map(|node| node["kind"].as_str().unwrap().to_owned()).collect();
    for kind in ["decision", "round", "intervention", "cause", "finding", "evidence", "observation"] {
        assert!(kinds.iter().any(|met| met == kind), "{kind} is not on the thread: {kinds:?}");
    }
    let forward = kim.get(&format!("/trace/observation/{observation}?direction=forward")).is(200);
    assert!(forward.body.contains(&decision_id), "{}", forward.body);

    // What is measured is the same for all, so an analyst with that permission everywhere sets which way is better.
    t.tell(
        &admin.with("If-Match", &indicator.etag()),
        "PATCH",
        &format!("/indicators/{indicator_id}"),
        Some(json!({"updateNote": "Uppdateras i februari varje år"})),
    );
    let users = t.get(&admin, "/users?limit=2");
    t.get(&admin, &format!("/users/{}", id(&users.json["items"][0])));
    let grants = t.get(&admin, "/grants?limit=2");
    assert!(grants.json["items"].as_array().unwrap().len() == 2);
    t.get(&kim, "/changes?types=decision,round");
    let extra = t.post(&admin, "/users", json!({"email": "kort@example.se", "name": "Kort Besök"}));
    let grant =
        t.post(&admin, "/grants", json!({"userId": id(&extra.json), "role": "reader", "scope": {"kind": "everywhere", "id": null}}));
    t.get(&admin, &format!("/grants/{}", id(&grant.json)));
    t.tell(&admin.with("If-Match", &grant.etag()), "DELETE", &format!("/grants/{}", id(&grant.json)), None);
    let gone = t.post(&kim, "/actors", json!({"kind": "association", "name": "Registrerad av misstag", "seatAreaId": botkyrka}));
    t.tell(&kim.with("If-Match", &gone.etag()), "DELETE", &format!("/actors/{}", id(&gone.json)), None);
    let many = json!({"atomic": true, "operations": [
        {"op": "update", "id": foundation, "version": 2, "patch": {"targetGroups": ["Unga mellan 16 och 24 år"]}},
        {"op": "create", "actor": {"kind": "association", "name": "Alby Läxhjälp", "seatAreaId": botkyrka}}]});
    t.post(&kim, "/actors/batch", many);
    let leaving = app.sign_in("region@example.se");
    t.tell(&leaving, "DELETE", "/sessions/current", None);
    leaving.get("/me").is(401);

    Told {
        coordinator: kim,
        municipality: for_municipality,
        association: for_association,
        forum: forum_id,
        assessment: assessment_id,
        finding: finding_id,
        cause: cause_id,
        interventions,
        round: round_id,
        decision: decision_id,
    }
}

#[rstest]
fn a_case_goes_from_actors_to_a_decided_priority(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let mut teller = Teller::new(&app);
    let told = tell(&mut teller);
    chapters::tell(&mut teller, &told);
    let all: Vec<_> = teller.operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    let untold: Vec<_> = all.iter().filter(|name| !teller.told.contains_key(**name)).collect();
    assert!(untold.is_empty(), "the story does not tell of {untold:?}");
    // Whatever changes can be asked for by its kind.
    for row in app.rows("SELECT DISTINCT entity_kind AS kind FROM event") {
        let kind: String = row.try_get("", "kind").unwrap();
        assert!(records::kinds().any(|record| record.kind == kind), "{kind} is no declared kind of record");
    }
    // Both databases answer alike, byte for byte: they are compared with the same file.
    golden("openapi/examples.json", &format!("{}\n", serde_json::to_string_pretty(&teller.told).unwrap()));
}
