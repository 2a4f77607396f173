//! Many operations in one call.

use rstest::rstest;
use samsyn::access::policy::Role;
use serde_json::{Value, json};

use crate::harness::{Database, TestApp, id};

#[rstest]
fn each_operation_stands_for_itself_unless_all_are_to_be_done_or_none(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start(database) else { return };
    let admin = app.user(Role::Admin, None);
    let first = admin.post("/actors", &json!({"kind": "association", "name": "Hoppet"})).is(201).json;
    let create = |name: &str| json!({"op": "create", "actor": {"kind": "association", "name": name}});
    let operations = json!([
        create("Ängens byalag"),
        create(" "),
        {"op": "update", "id": id(&first), "version": 1, "patch": {"name": "Nya Hoppet"}},
        {"op": "update", "id": id(&first), "version": 1, "patch": {"name": "Nyare Hoppet"}},
        {"op": "update", "id": id(&first), "version": 2, "patch": {"parentId": "01890a5d-ac96-774b-bcce-b302099a8057"}},
        {"op": "delete", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "version": 1},
        {"op": "delete", "id": id(&first), "version": 2},
    ]);
    let english = admin.with("Accept-Language", "en");
    // All or nothing: the second operation makes the first fail, and the fault names its place.
    let refused = english.post("/actors/batch", &json!({"atomic": true, "operations": operations})).is(422);
    assert_eq!(refused.faults(), ["/operations/1/actor/name blank"]);
    assert_eq!(admin.get("/actors?q=byalag").json["items"], json!([]));
    assert_eq!(admin.get(&format!("/actors/{}", id(&first))).is(200).json["version"], json!(1));

    let before = admin.get("/actors").json["changeCursor"].as_str().unwrap().to_owned();
    let keyed = english.with("Idempotency-Key", "one-batch");
    let outcome = keyed.post("/actors/batch", &json!({"operations": operations})).is(201).json;
    let status: Vec<_> = outcome["items"].as_array().unwrap().iter().map(|item| item["status"].as_u64().unwrap()).collect();
    assert_eq!(status, [201, 422, 200, 412, 422, 404, 204]);
    assert_eq!((&outcome["done"], &outcome["refused"]), (&json!(3), &json!(4)));
    let pointers = |item: &Value| item["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].clone()).collect::<Vec<_>>();
    assert_eq!(pointers(&outcome["items"][1]), [json!("/operations/1/actor/name")]);
    assert_eq!(pointers(&outcome["items"][4]), [json!("/operations/4/patch/parentId")]);
    assert_eq!(outcome["items"][3]["code"], json!("precondition-failed"));
    // Repeating the call changes nothing.
    let again = keyed.post("/actors/batch", &json!({"operations": operations})).is(201);
    assert_eq!(again.header("Idempotency-Replayed"), Some("true"));
    assert_eq!(again.json, outcome);
    // The operations that were carried out are in the feed in their order; the refused ones are not.
    let changes = admin.get(&format!("/changes?types=actor&cursor={before}")).json;
    let ops: Vec<_> = changes["items"].as_array().unwrap().iter().map(|change| (&change["op"], &change["version"])).collect();
    let tail = &ops[ops.len() - 3..];
    assert_eq!(tail, [(&json!("upsert"), &json!(1)), (&json!("upsert"), &json!(2)), (&json!("delete"), &json!(3))]);
}

#[rstest]
fn a_batch_is_checked_as_the_single_calls_are(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let Some(app) = TestApp::start_with(database, "body_bytes = 2000000") else { return };
    let (admin, coordinator) = (app.user(Role::Admin, None), app.user(Role::Coordinator, Some(("area", &app.area("0127")))));
    let create = |area: &str| json!({"op": "create", "actor": {"kind": "association", "name": "Grannarna", "seatAreaId": app.area(area)}});
    let outcome = coordinator.post("/actors/batch", &json!({"operations": [create("0127"), create("0180")]})).is(201).json;
    assert_eq!((&outcome["items"][0]["status"], &outcome["items"][1]["status"]), (&json!(201), &json!(403)));
    app.user(Role::Reader, None).post("/actors/batch", &json!({"operations": [create("0127")]})).is(403);
    // The form of all operations is checked first. The faults are those of the kind of operation that was meant.
    let body = json!({"operations": [
        {"op": "update", "id": "x", "version": "1", "patch": {"nam": "y"}}, {"op": "upsert"}, {"op": "create", "actor": {"kind": "club"}}]});
    let faults = admin.post("/actors/batch", &body).is(422).faults();
    for fault in ["/operations/0/id wrong-form", "/operations/0/version wrong-type", "/operations/0/patch/nam unknown"] {
        assert!(faults.iter().any(|one| one == fault), "{fault} is not among {faults:?}");
    }
    assert!(faults.iter().any(|fault| fault == "/operations/2/actor/kind not-in-list"), "{faults:?}");
    admin.post("/actors/batch", &json!({"operations": []})).is(422);
    let many: Vec<_> = (0..1001).map(|_| create("0127")).collect();
    assert_eq!(admin.post("/actors/batch", &json!({"operations": many})).is(422).faults(), ["/operations too-many"]);
    // A thousand operations are allowed.
    let many: Vec<_> =
        (0..1000).map(|at| json!({"op": "create", "actor": {"kind": "association", "name": format!("Förening {at}")}})).collect();
    let outcome = admin.post("/actors/batch", &json!({"atomic": true, "operations": many})).is(201).json;
    assert_eq!((&outcome["done"], outcome["items"].as_array().unwrap().len()), (&json!(1000), 1000));
}
