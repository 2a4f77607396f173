use actix_web::{get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;

use super::types::*;
use crate::{
    access::{By, policy::needs},
    kernel::{
        Reply, Result,
        language::Language,
        record::{self, Rule, Terms},
    },
};

fn term(rule: Rule, terms: &Terms, language: Language) -> RetentionTerm {
    RetentionTerm { rule, description: rule.words().r#in(language).to_owned(), days: rule.days(terms) }
}

/// Show the register of personal data
///
/// The register of processing (registerförteckning, GDPR art. 30) has every column of the database. A column with personal data
/// has a purpose, a legal ground, a time limit and the operations that show it.
#[utoipa::path(tag = "privacy", operation_id = "getPersonalDataRegister",
    responses((status = 200, description = "The register", body = PersonalDataRegister)))]
#[get("/personal-data-register")]
async fn show(by: By<needs::ReadService>, terms: Data<Terms>) -> Result<Reply<PersonalDataRegister>> {
    let register = PersonalDataRegister {
        rules: Rule::ALL.iter().map(|rule| term(*rule, &terms, by.asked.language)).collect(),
        tables: record::tables().map(|declared| registered_table(declared, by.asked.language)).collect(),
    };
    Reply::computed(&by, &register)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}
