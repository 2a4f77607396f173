//! The coordinator has a list in Excel. She makes a dry run, reads the outcome of each row, and then imports the list.

use serde_json::json;

use crate::{
    imports::wait,
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, told: &StoryRecords) {
    let kim = &told.coordinator;
    let list = json!({"items": [
        {"namn": "Hallunda Odlare", "typ": "Ideell förening", "kommun": "Botkyrka", "orgnr": "802002-1005", "målgrupper": "unga|äldre", "kassör": ""},
        {"namn": "", "typ": "Ideell förening", "kommun": "Botkyrka"},
    ]});
    let tried = t.post(kim, "/imports?dryRun=true", list.clone());
    let path = format!("/imports/{}", tried.json["id"].as_str().unwrap());
    wait(kim, &path);
    t.get(kim, &path);
    t.get(kim, &format!("{path}/rows"));
    t.get(kim, &format!("{path}/rows?outcome=refused"));

    let done = t.post(kim, "/imports", list);
    let path = format!("/imports/{}", done.json["id"].as_str().unwrap());
    assert_eq!(wait(kim, &path)["created"], json!(1));
    t.post(kim, &format!("{path}/rows/search"), json!({"outcome": "refused", "limit": 1}));
    t.call(kim, "POST", &format!("{path}/cancel"), None);
    t.get(kim, "/imports");
}
