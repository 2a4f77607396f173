//! The service describes itself, a coordinator signs in, and the parties are registered with their people and their mandates.

use samsyn::access::policy::Role;
use serde_json::json;

use crate::{
    harness::{Client, PASSWORD, id},
    story::Teller,
};

/// The parties of the case, by the ids of their actors, and their people.
pub struct Parties {
    /// The areas of the case.
    pub county: String,
    pub botkyrka: String,
    pub municipality: String,
    pub region: String,
    pub association: String,
    pub foundation: String,
    /// The coordinator.
    pub kim: Client,
    /// An administrator of the installation.
    pub admin: Client,
    pub for_municipality: Client,
    pub for_region: Client,
    pub for_association: Client,
}

pub fn tell(t: &mut Teller<'_>) -> Parties {
    let app = t.app;
    let county = app.area("01");
    let botkyrka = app.area("0127");

    // The service describes itself.
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

    // She registers an association and a foundation in Botkyrka; the municipality and the region exist already.
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
    t.call(
        &kim.with("If-Match", &foundation_tag),
        "PATCH",
        &format!("/actors/{foundation}"),
        Some(json!({"focus": "Lärande och arbete för unga"})),
    );
    t.get(&kim, "/actors?q=fittja&fields=id,name,kind");
    t.exchanges.remove("listActors");
    t.get(&kim, "/actors?q=fittja");
    t.get(&kim, &format!("/actors/{association}"));

    // An administrator of the installation gives the first people of each party their role, because nobody else holds all
    // permissions of an actor's administrator.
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

    let parties = Parties {
        county,
        botkyrka,
        municipality,
        region,
        association,
        foundation,
        kim,
        admin,
        for_municipality,
        for_region,
        for_association,
    };
    mandates(t, &parties);
    parties
}

/// The mandates of the parties.
fn mandates(t: &mut Teller<'_>, parties: &Parties) {
    let Parties { botkyrka, municipality, association, foundation, kim, .. } = parties;
    let mandate = t.post(
        kim,
        "/mandates",
        json!({"actorId": municipality, "policyDomain": "housing", "areaId": botkyrka, "powers": ["decide", "implement"], "basis": "statutory",
            "legalBasis": "Lagen (2000:1383) om kommunernas bostadsförsörjningsansvar", "validFrom": "2001-01-01"}),
    );
    for (actor, domain, basis) in [(&association, "civil_society", "voluntary"), (&foundation, "labour_market", "agreed")] {
        t.post(
            kim,
            "/mandates",
            json!({"actorId": actor, "policyDomain": domain, "areaId": botkyrka, "powers": ["implement"], "basis": basis}),
        );
    }
    let mandate_path = format!("/mandates/{}", id(&mandate.json));
    t.call(&kim.with("If-Match", &mandate.etag()), "PATCH", &mandate_path, Some(json!({"powers": ["decide", "fund", "implement"]})));
    t.call(kim, "POST", &format!("{mandate_path}/confirm"), None);
    t.get(kim, &format!("/mandates?actorId={municipality}&validOn=2026-01-01"));
    t.get(kim, &mandate_path);
    let mistaken = t.post(
        kim,
        "/mandates",
        json!({"actorId": foundation, "policyDomain": "health", "areaId": botkyrka, "powers": ["inform"], "basis": "voluntary"}),
    );
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/mandates/{}", id(&mistaken.json)), None);
}
