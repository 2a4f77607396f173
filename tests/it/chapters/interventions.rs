//! Three interventions that address the cause.

use serde_json::json;

use super::parties::Parties;
use crate::{harness::id, story::Teller};

/// Returns their ids.
pub fn tell(t: &mut Teller<'_>, parties: &Parties, forum_id: &str, cause_id: &str) -> Vec<String> {
    let Parties { botkyrka, municipality, association, kim, for_municipality, for_association, .. } = parties;
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
    t.call(
        &kim.with("If-Match", &interventions[0].etag()),
        "PATCH",
        &first,
        Some(json!({"description": "Översiktsplanen ger plats för radhus och bostadsrätter."})),
    );
    t.get(kim, &first);
    t.get(kim, &format!("/interventions?causeId={cause_id}&q=upplåtelse"));
    let mistaken = t.post(
        for_municipality,
        "/interventions",
        json!({"title": "Registrerad av misstag", "ownerActorId": municipality, "status": "idea", "horizon": "short", "addresses": "consequence", "instrument": "area_measure"}),
    );
    t.call(&for_municipality.with("If-Match", &mistaken.etag()), "DELETE", &format!("/interventions/{}", id(&mistaken.json)), None);
    interventions.iter().map(|intervention| id(&intervention.json)).collect()
}
