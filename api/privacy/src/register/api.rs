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

/// Show what is stored about people
///
/// The register of personal data (registerförteckning, GDPR art. 30): every column of the database with its purpose, legal ground,
/// time limit and where it is shown, or as holding nothing about anybody.
#[utoipa::path(tag = "privacy", operation_id = "getPersonalDataRegister",
    responses((status = 200, description = "The register", body = PersonalDataRegister)))]
#[get("/personal-data-register")]
async fn show(by: By<needs::ReadService>, terms: Data<Terms>) -> Result<Reply<PersonalDataRegister>> {
    let register = PersonalDataRegister {
        rules: Rule::ALL.iter().map(|rule| term(*rule, &terms, by.asked.language)).collect(),
        tables: record::tables().map(|declared| table(declared, by.asked.language)).collect(),
    };
    Reply::computed(&by, &register)
}

pub fn routes(config: &mut ServiceConfig) {
    config.service(show);
}
