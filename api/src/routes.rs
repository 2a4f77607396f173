//! Table of contents: every resource of the API, by room.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    access, assessments, disclosure, exchange, forums, geography, insight, interventions, priorities, privacy, reference, registry,
    service, statistics,
};

/// All operations of the API, below its root.
pub fn api(config: &mut ServiceConfig) {
    config
        // The service itself.
        .configure(service::routes)
        // Access.
        .configure(access::sessions::routes)
        .configure(access::federation::routes)
        .configure(access::account::routes)
        .configure(access::personal_tokens::routes)
        .configure(access::users::routes)
        .configure(access::service_accounts::routes)
        .configure(access::grants::routes)
        .configure(access::audit::routes)
        // Codes and areas.
        .configure(reference::codelists::routes)
        .configure(geography::areas::routes)
        // Actors and their mandates.
        .configure(registry::actors::routes)
        .configure(registry::history::routes)
        .configure(registry::likenesses::routes)
        .configure(registry::mandates::routes)
        .configure(registry::relations::routes)
        .configure(registry::statements::routes)
        // Forums.
        .configure(forums::forums::routes)
        .configure(forums::members::routes)
        // Statistics.
        .configure(statistics::indicators::routes)
        .configure(statistics::observations::routes)
        // Assessments.
        .configure(assessments::assessments::routes)
        .configure(assessments::findings::routes)
        .configure(assessments::causes::routes)
        .configure(assessments::endorsements::routes)
        .configure(assessments::revisions::routes)
        // Interventions.
        .configure(interventions::interventions::routes)
        // Priorities.
        .configure(priorities::rounds::routes)
        .configure(priorities::ballots::routes)
        .configure(priorities::decisions::routes)
        // Other systems, and connections between records.
        .configure(exchange::changes::routes)
        .configure(exchange::sources::routes)
        .configure(exchange::merging::routes)
        .configure(exchange::imports::routes)
        .configure(exchange::links::routes)
        .configure(exchange::matches::routes)
        .configure(exchange::webhooks::routes)
        .configure(insight::tasks::routes)
        .configure(insight::trace::routes)
        // Secrecy, disclosure and the journal.
        .configure(disclosure::marks::routes)
        .configure(disclosure::disclosures::routes)
        .configure(disclosure::journal::routes)
        // Personal data.
        .configure(privacy::register::routes)
        .configure(privacy::persons::routes)
        .configure(privacy::holds::routes)
        .configure(privacy::retention::routes);
}
