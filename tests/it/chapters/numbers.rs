//! The coordinator imports real statistics from a CSV file, with a dry run first.

use serde_json::{Value, json};

use super::parties::Parties;
use crate::{
    harness::{Answer, id},
    story::Teller,
};

/// The indicator, an observation, and the areas.
pub struct Numbers {
    pub indicator: Answer,
    pub observation: String,
    pub fittja: String,
    pub norsborg: String,
    pub tullinge: String,
}

pub fn tell(t: &mut Teller<'_>, Parties { kim, .. }: &Parties) -> Numbers {
    let app = t.app;
    let indicator = t.post(
        kim,
        "/indicators",
        json!({"code": "wage_income", "nameSv": "Löneinkomst, medelvärde för samtliga", "nameEn": "Wage income, mean of all",
            "statisticalArea": "socioeconomic", "valueKind": "mean", "unit": "SEK thousand", "polarity": "higher", "availableFrom": 2020}),
    );
    let indicator_id = id(&indicator.json);
    t.get(kim, "/indicators?statisticalArea=housing_services&limit=2");
    t.get(kim, &format!("/indicators/{indicator_id}"));
    let wages = include_bytes!("../../../docs/data/botkyrka-loneinkomst.csv");
    let import = "/observation-imports?indicator=wage_income&source=SCB&licence=CC0";
    let tried = kim.call("POST", &format!("{import}&dryRun=true"), Some(("text/csv", wages))).is(201);
    assert_eq!((&tried.json["id"], &tried.json["rowsCreated"]), (&Value::Null, &json!(80)));
    let imported = kim.call("POST", import, Some(("text/csv", wages))).is(201);
    assert_eq!((&imported.json["rowsCreated"], &imported.json["rowsRefused"]), (&json!(80), &json!(0)));
    let again = kim.call("POST", import, Some(("text/csv", wages))).is(201);
    assert_eq!((&again.json["id"], &again.json["rowsUnchanged"]), (&Value::Null, &json!(80)));
    let report = t.post(
        kim,
        "/observation-imports?indicator=neet&source=SCB",
        json!({"rows": [{"areaCode": "0127", "period": "2023", "breakdown": {"sex": "women"}, "numerator": 912, "denominator": 7600},
            {"areaCode": "127", "period": "2023", "value": 12.5}]}),
    );
    assert_eq!((&report.json["rowsCreated"], &report.json["rowsRefused"]), (&json!(1), &json!(1)));
    t.get(kim, &format!("/observation-imports/{}", id(&report.json)));
    let fittja = app.area("0127R005");
    let norsborg = app.area("0127R010");
    let tullinge = app.area("0127R015");
    let values = t.get(kim, &format!("/observations?indicatorId={indicator_id}&areaId={fittja}&period=2023"));
    let observation = id(&values.json["items"][0]);
    assert_eq!(values.json["items"][0]["value"], json!(188.1));
    t.get(kim, &format!("/observations/{observation}"));
    Numbers { indicator, observation, fittja, norsborg, tullinge }
}
