//! A shared assessment: a finding with frozen evidence, a cause, and each party's endorsement. It is published when the case is
//! decided.

use serde_json::json;

use super::{numbers::Numbers, parties::Parties};
use crate::{harness::id, story::Teller};

/// The ids of the assessment, its finding and its cause.
pub struct Assessment {
    pub id: String,
    pub finding: String,
    pub cause: String,
}

pub fn tell(t: &mut Teller<'_>, parties: &Parties, forum_id: &str, numbers: &Numbers) -> Assessment {
    let Parties { botkyrka, municipality, association, kim, for_municipality, for_association, .. } = parties;
    let Numbers { indicator, fittja, norsborg, tullinge, .. } = numbers;
    let indicator_id = id(&indicator.json);
    let assessment = t.post(
        kim,
        "/assessments",
        json!({"title": "Inkomstskillnader mellan Botkyrkas stadsdelar", "forumId": forum_id, "areaId": botkyrka,
            "purpose": "Underlag för vad rådet prioriterar", "validFrom": "2020-01-01", "validTo": "2024-01-01"}),
    );
    let assessment_id = id(&assessment.json);
    let path = format!("/assessments/{assessment_id}");
    t.call(&kim.with("If-Match", &assessment.etag()), "PATCH", &path, Some(json!({"purpose": "Underlag för vad rådet prioriterar 2027"})));
    let finding = t.post(
        for_municipality,
        &format!("{path}/findings"),
        json!({"kind": "difference", "statement": "Löneinkomsten i Norsborg och Fittja är två femtedelar av den i Tullinge villastad.", "policyDomains": ["labour_market"]}),
    );
    let finding_id = id(&finding.json);
    let finding_path = format!("{path}/findings/{finding_id}");
    t.call(&kim.with("If-Match", &finding.etag()), "PATCH", &finding_path, Some(json!({"policyDomains": ["labour_market", "housing"]})));
    t.get(kim, &finding_path);
    t.get(kim, &format!("{path}/findings"));
    let evidence = t.post(
        kim,
        &format!("{finding_path}/evidence"),
        json!({"kind": "statistic", "note": "Fittja, Norsborg och Tullinge villastad 2023",
            "query": {"indicatorId": indicator_id, "areaIds": [fittja, norsborg, tullinge], "periods": ["2023"]}}),
    );
    assert_eq!((&evidence.json["answer"]["lowest"], &evidence.json["answer"]["highest"]), (&json!(179.4), &json!(440.7)));
    t.get(kim, &format!("{finding_path}/evidence"));
    t.get(kim, &format!("{finding_path}/evidence/{}", id(&evidence.json)));
    for more in ["canonical", "verify"] {
        t.get(kim, &format!("{finding_path}/evidence/{}/{more}", id(&evidence.json)));
    }
    let twice = json!({"kind": "statistic", "query": {"indicatorId": indicator_id, "areaIds": [fittja], "periods": ["2023"]}});
    let twice = kim.post(&format!("{finding_path}/evidence"), &twice).is(201);
    t.call(&kim.with("If-Match", &twice.etag()), "DELETE", &format!("{finding_path}/evidence/{}", id(&twice.json)), None);
    let mistaken = kim.post(&format!("{path}/findings"), &json!({"kind": "pattern", "statement": "Skriven av misstag"})).is(201);
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("{path}/findings/{}", id(&mistaken.json)), None);
    let mistaken = kim.post(&format!("{path}/causes"), &json!({"statement": "Skriven av misstag", "level": "local"})).is(201);
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("{path}/causes/{}", id(&mistaken.json)), None);
    let cause = t.post(
        kim,
        &format!("{path}/causes"),
        json!({"statement": "Bostadsbeståndet är ensidigt: hyresrätter i norr och småhus i Tullinge.", "level": "local", "structural": true,
            "explanation": "political_decision", "findings": [finding_id], "policyDomains": ["housing"]}),
    );
    let cause_id = id(&cause.json);
    let cause_path = format!("{path}/causes/{cause_id}");
    t.call(&kim.with("If-Match", &cause.etag()), "PATCH", &cause_path, Some(json!({"confidence": "medium"})));
    t.get(kim, &cause_path);
    t.get(kim, &format!("{path}/causes"));
    t.call(kim, "POST", &format!("{path}/review"), None);
    t.get(for_municipality, "/me/tasks");
    let word = format!("{path}/endorsements/{municipality}");
    let hasty = t.call(for_municipality, "PUT", &word, Some(json!({"position": "endorse"})));
    t.call(&for_municipality.with("If-Match", &hasty.etag()), "DELETE", &word, None);
    for_municipality.put(&word, &json!({"position": "endorse"})).is(201);
    let silent = for_association.put(&format!("{path}/endorsements/{association}"), &json!({"position": "dissent"})).is(422);
    assert_eq!(silent.faults(), ["/reason required"]);
    t.call(
        for_association,
        "PUT",
        &format!("{path}/endorsements/{association}"),
        Some(json!({"position": "dissent", "reason": "Bilden säger för lite om de boendes egna krafter."})),
    );
    t.get(kim, &format!("{path}/endorsements"));
    t.get(kim, &format!("{path}/endorsements/{association}"));
    t.call(for_municipality, "POST", &format!("{path}/agree"), None);
    Assessment { id: assessment_id, finding: finding_id, cause: cause_id }
}

/// Publishing freezes a revision with a digest; later changes of the numbers do not change it.
pub fn publish(t: &mut Teller<'_>, parties: &Parties, forum_id: &str, assessment_id: &str) {
    let Parties { botkyrka, kim, for_municipality, .. } = parties;
    let path = format!("/assessments/{assessment_id}");
    t.call(for_municipality, "POST", &format!("{path}/publish"), None);
    let revisions = t.get(kim, &format!("{path}/revisions"));
    let revision = t.get(kim, &format!("{path}/revisions/{}", id(&revisions.json["items"][0])));
    for more in ["canonical", "verify"] {
        t.get(kim, &format!("{path}/revisions/{}/{more}", id(&revision.json)));
    }
    let canonical = samsyn::kernel::hash::frozen(2, &revision.json["content"]).unwrap();
    assert_eq!(revision.json["hash"], json!(samsyn::kernel::hash::sha256_hex(canonical.as_bytes())));
    assert_eq!(revision.json["content"]["endorsements"][1]["position"], json!("dissent"));
    t.get(kim, &path);
    t.get(kim, "/assessments?q=inkomst&status=published");
    t.call(kim, "POST", &format!("{path}/revise"), None);
    let mistaken = t.post(kim, "/assessments", json!({"title": "Öppnad av misstag", "forumId": forum_id, "areaId": botkyrka}));
    t.call(&kim.with("If-Match", &mistaken.etag()), "DELETE", &format!("/assessments/{}", id(&mistaken.json)), None);
    // A published assessment cannot be removed.
    kim.delete(&path, "*").is(409);
}
