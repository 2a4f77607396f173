//! The example case: a council in Botkyrka works from registered actors to a decision on priorities. The numbers are real (mean
//! wage income by neighbourhood, Statistics Sweden, CC0); the organisations and people are invented.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::{
    access::{
        Caller, Sight,
        grants::{self, NewGrant, Scope, ScopeKind},
        passwords,
        policy::{ForumFunction, Role},
        users::{self, NewUser, UserId},
    },
    assessments::{
        assessments::{Assessment, rules::Operation, store as assessments},
        causes::{CauseId, store as causes},
        endorsements::store as endorsements,
        findings::store as findings,
        revisions::store as revisions,
    },
    forums::{
        forums::{Forum, store as forums},
        members::{MemberStatus, NewMember, store as members},
    },
    geography::areas::store as areas,
    intake::formats::Format,
    interventions::interventions::{InterventionId, store as interventions},
    kernel::{Db, Problem, Result, Write, request::Call, table::is_postgres},
    priorities::{
        ballots::store as ballots,
        decisions::store as decisions,
        rounds::{Round, closing, store as rounds},
    },
    registry::{
        actors::{ActorId, store as actors},
        mandates::{Confirmer, store as mandates},
    },
    statistics::{
        indicators::{Indicator, store as indicators},
        observations::{reading::read as read_rows, store as observations},
    },
};

/// The domain of the demo's users.
pub(super) const DOMAIN: &str = "demo.samsyn.example";

/// The demo's users: the first part of the address, and a description.
pub(super) const PEOPLE: &[(&str, &str)] = &[
    ("admin", "runs the installation"),
    ("samordnare", "coordinates Stockholm county"),
    ("kommun", "administers Botkyrka kommun in the registry"),
    ("region", "works for Region Stockholm"),
    ("forening", "administers an association in Fittja"),
    ("lasare", "reads for another municipality, Upplands Väsby"),
    ("analytiker", "works with statistics for Stockholm county"),
];

/// Mean wage income by neighbourhood in Botkyrka 2020–2023, in thousands of kronor.
const WAGES: &str = include_str!("../../../docs/data/botkyrka-loneinkomst.csv");

/// Loads the case in one transaction.
pub(super) async fn load(password: &str, db: &Db) -> Result<()> {
    let hash = passwords::hash(password.to_owned(), &passwords::Hashing::new(1)).await?;
    let call = Call::of_installation();
    db.transaction(&call, async |w| {
        let case = Case { w, sight: Sight::of_installation() };
        case.run(&hash).await?;
        note_loaded(w, password).await
    })
    .await
}

/// Notes that the case is loaded, with the password of its users, who are no real people.
async fn note_loaded(w: &Write<'_>, password: &str) -> Result<()> {
    let backend = w.tx.get_database_backend();
    let parameter = if is_postgres(backend) { "$1" } else { "?" };
    let sql = format!("INSERT INTO installation (name, value) VALUES ('demo', {parameter})");
    w.tx.execute_raw(Statement::from_sql_and_values(backend, sql, [password.into()])).await?;
    Ok(())
}

struct Case<'a> {
    w: &'a Write<'a>,
    sight: Sight,
}

/// The actors that take part.
struct Parties {
    municipality: ActorId,
    region: ActorId,
    association: ActorId,
    foundation: ActorId,
}

fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(Problem::from)
}

impl Case<'_> {
    async fn run(&self, hash: &str) -> Result<()> {
        let known = areas::by_codes(&["01".to_owned(), "0127".to_owned(), "0114".to_owned()], &self.w.tx).await?;
        let area = |code: &str| known.get(code).map(|area| area.id).ok_or_else(Problem::not_found);
        let (county, botkyrka) = (area("01")?, area("0127")?);
        let parties = Parties {
            municipality: self.public_actor("municipality_code:0127").await?,
            region: self.public_actor("county_code:01").await?,
            association: self.actor("association", "Fittja Grannar", botkyrka.uuid(), "Gemenskap och bättre villkor i Fittja").await?,
            foundation: self.actor("foundation", "Stiftelsen Norra Botkyrka", botkyrka.uuid(), "Lärande och arbete för unga").await?,
        };
        self.people(hash, county.uuid(), &parties).await?;
        self.mandates(county.uuid(), botkyrka.uuid(), &parties).await?;
        let forum = self.forum(botkyrka.uuid(), &parties).await?;
        let indicator = self.statistics().await?;
        let (assessment, cause) = self.assessment(&forum, botkyrka.uuid(), &indicator, &parties).await?;
        let chosen = self.interventions(&forum, botkyrka.uuid(), cause, &parties).await?;
        self.priority(&forum, &chosen, &parties).await?;
        let assessment = assessments::step(&assessment, Operation::Publish, self.w).await?;
        revisions::freeze(&assessment, self.w).await
    }

    async fn public_actor(&self, identifier: &str) -> Result<ActorId> {
        actors::by_identifier(identifier, &self.w.tx).await?.ok_or_else(Problem::not_found)
    }

    async fn actor(&self, kind: &str, name: &str, seat: uuid::Uuid, focus: &str) -> Result<ActorId> {
        let new = from_json(
            json!({"kind": kind, "name": name, "seatAreaId": seat, "areasServed": [seat], "focus": focus, "policyDomains": ["civil_society"]}),
        )?;
        Ok(actors::insert(new, &Sight::of_installation(), self.w).await?.id)
    }

    async fn people(&self, hash: &str, county: uuid::Uuid, parties: &Parties) -> Result<()> {
        let reader = self.public_actor("municipality_code:0114").await?;
        let roles = [
            (Role::Admin, ScopeKind::Everywhere, None),
            (Role::Coordinator, ScopeKind::Area, Some(county)),
            (Role::ActorAdmin, ScopeKind::Actor, Some(parties.municipality.uuid())),
            (Role::Contributor, ScopeKind::Actor, Some(parties.region.uuid())),
            (Role::ActorAdmin, ScopeKind::Actor, Some(parties.association.uuid())),
            (Role::Reader, ScopeKind::Actor, Some(reader.uuid())),
            (Role::Analyst, ScopeKind::Area, Some(county)),
        ];
        for ((name, _), (role, kind, id)) in PEOPLE.iter().zip(roles) {
            let new = NewUser { email: format!("{name}@{DOMAIN}"), name: format!("Demo {name}"), language: None, password: None };
            let user: UserId = users::insert(&new, Some(hash.to_owned()), self.w).await?.id;
            grants::insert(&NewGrant { user_id: user, role, scope: Scope { kind, id }, valid_from: None, valid_to: None }, self.w).await?;
        }
        Ok(())
    }

    async fn mandates(&self, county: uuid::Uuid, botkyrka: uuid::Uuid, parties: &Parties) -> Result<()> {
        let municipal = "Plan- och bygglagen (2010:900) och lagen (2000:1383) om kommunernas bostadsförsörjningsansvar";
        for (actor, domain, area, powers, basis, legal) in [
            (parties.municipality, "housing", botkyrka, json!(["decide", "implement"]), "statutory", Some(municipal)),
            (
                parties.municipality,
                "education",
                botkyrka,
                json!(["decide", "fund", "implement"]),
                "statutory",
                Some("Skollagen (2010:800)"),
            ),
            (
                parties.region,
                "health",
                county,
                json!(["decide", "fund", "implement"]),
                "statutory",
                Some("Hälso- och sjukvårdslagen (2017:30)"),
            ),
            (parties.association, "civil_society", botkyrka, json!(["implement", "advise"]), "voluntary", None),
            (parties.foundation, "labour_market", botkyrka, json!(["fund", "implement"]), "agreed", None),
        ] {
            let new = from_json(
                json!({"actorId": actor, "policyDomain": domain, "areaId": area, "powers": powers, "basis": basis, "legalBasis": legal}),
            )?;
            mandates::insert(new, Confirmer::Coordinator, self.w).await?;
        }
        Ok(())
    }

    async fn forum(&self, botkyrka: uuid::Uuid, parties: &Parties) -> Result<Forum> {
        let new = json!({
            "kind": "council", "level": "local", "name": "Samverkansrådet i norra Botkyrka", "areas": [botkyrka],
            "purpose": "En gemensam bild av levnadsvillkoren i norra Botkyrka och av vad som ska göras först.",
            "meetingRhythm": "Sex gånger om året", "complementsLineOrganisation": true
        });
        let forum = forums::insert(from_json(new)?, self.w).await?;
        for (actor, function, now, wish) in [
            (parties.municipality, ForumFunction::Chair, "dialogue", "partnership"),
            (parties.region, ForumFunction::Member, "information", "dialogue"),
            (parties.association, ForumFunction::Member, "consultation", "partnership"),
            (parties.foundation, ForumFunction::Member, "dialogue", "dialogue"),
        ] {
            let new: NewMember = from_json(json!({"actorId": actor, "function": function, "currentLevel": now, "desiredLevel": wish}))?;
            members::insert(&self.sight, &forum, new, MemberStatus::Accepted, self.w).await?;
        }
        Ok(forum)
    }

    async fn statistics(&self) -> Result<Indicator> {
        let new = json!({
            "code": "wage_income", "nameSv": "Löneinkomst, medelvärde för samtliga", "nameEn": "Wage income, mean of all",
            "statisticalArea": "socioeconomic", "valueKind": "mean", "unit": "SEK thousand", "polarity": "higher", "availableFrom": 2020
        });
        let indicator = indicators::insert(from_json(new)?, self.w).await?;
        let everywhere = Caller {
            user: Some(uuid::Uuid::nil()),
            grants: vec![(Role::Admin, crate::access::CallerScope::Everywhere)],
            ..Caller::default()
        };
        let reach = everywhere.reach(crate::access::policy::Permission::WriteStatistics)?;
        let source = observations::Source { indicator: &indicator, source: "SCB", licence: Some("CC0"), dry_run: false };
        let rows = read_rows(Format::Csv, WAGES.as_bytes(), indicator.fields.value_kind, &indicator.fields.variants)?;
        observations::import(&reach, &source, &rows, self.w).await?;
        Ok(indicator)
    }

    async fn assessment(
        &self,
        forum: &Forum,
        botkyrka: uuid::Uuid,
        indicator: &Indicator,
        parties: &Parties,
    ) -> Result<(Assessment, CauseId)> {
        let new = json!({
            "title": "Inkomstskillnader mellan Botkyrkas stadsdelar", "forumId": forum.id, "areaId": botkyrka,
            "purpose": "Underlag för vad rådet prioriterar 2027.", "validFrom": "2020-01-01", "validTo": "2024-01-01"
        });
        let assessment = assessments::insert(from_json(new)?, self.w).await?;
        let finding = json!({
            "kind": "difference", "policyDomains": ["labour_market", "housing"],
            "statement": "Löneinkomsten i Norsborg och Fittja är ungefär två femtedelar av den i Tullinge villastad, och avståndet har bestått sedan 2020."
        });
        let finding = findings::insert(&assessment, from_json(finding)?, self.w).await?;
        let codes: Vec<_> = ["0127R005", "0127R010", "0127R015"].map(str::to_owned).to_vec();
        let known = areas::by_codes(&codes, &self.w.tx).await?;
        let ids: Vec<_> = codes.iter().filter_map(|code| known.get(code)).map(|area| area.id).collect();
        let evidence = json!({
            "kind": "statistic", "note": "Fittja, Norsborg och Tullinge villastad 2023",
            "query": {"indicatorId": indicator.id, "areaIds": ids, "periods": ["2023"]}
        });
        findings::insert_evidence(&assessment, finding.id, from_json(evidence)?, self.w).await?;
        let cause = json!({
            "statement": "Bostadsbeståndet är ensidigt: hyresrätter i norr och småhus i Tullinge.", "level": "local", "structural": true,
            "explanation": "political_decision", "confidence": "medium", "policyDomains": ["housing", "planning"], "findings": [finding.id],
            "mechanism": "Den som får högre inkomst behöver flytta från stadsdelen för att byta boendeform."
        });
        let cause = causes::insert(&assessment, from_json(cause)?, self.w).await?;
        let assessment = assessments::step(&assessment, Operation::Review, self.w).await?;
        for (actor, word) in [
            (parties.municipality, json!({"position": "endorse"})),
            (
                parties.association,
                json!({"position": "dissent", "reason": "Bilden bygger på inkomster och säger för lite om de boendes egna nätverk och krafter."}),
            ),
        ] {
            endorsements::put(&assessment, actor, None, from_json(word)?, self.w).await?;
        }
        Ok((assessments::step(&assessment, Operation::Agree, self.w).await?, cause.id))
    }

    async fn interventions(&self, forum: &Forum, botkyrka: uuid::Uuid, cause: CauseId, parties: &Parties) -> Result<Vec<InterventionId>> {
        let mut ids = Vec::new();
        for (title, owner, addresses, instrument, horizon, budget) in [
            ("Blandade upplåtelseformer i Fittja", parties.municipality, "underlying_cause", "strategic_document", "long", 12_000_000),
            ("Uthyrningskriterier som inte stänger ute", parties.municipality, "underlying_cause", "guideline", "short", 400_000),
            ("Läxhjälp och sommarjobb i Norsborg", parties.foundation, "consequence", "target_group_measure", "short", 2_500_000),
        ] {
            let new = json!({
                "title": title, "ownerActorId": owner, "forumId": forum.id, "status": "planned", "horizon": horizon, "addresses": addresses,
                "instrument": instrument, "areas": [botkyrka], "causes": [cause], "policyDomains": ["housing"], "budget": budget
            });
            ids.push(interventions::insert(&self.sight, from_json(new)?, self.w).await?.id);
        }
        Ok(ids)
    }

    async fn priority(&self, forum: &Forum, candidates: &[InterventionId], parties: &Parties) -> Result<()> {
        let new = json!({
            "forumId": forum.id, "question": "Vilka insatser ska gå först 2027?", "horizon": "short", "candidates": candidates,
            "criteria": [
                {"key": "effect", "name": "Effekt på bakomliggande orsaker", "weight": 3, "scale": 5},
                {"key": "feasibility", "name": "Genomförbarhet", "weight": 2, "scale": 5},
                {"key": "residents", "name": "De boendes vilja", "weight": 2, "scale": 5}
            ]
        });
        let round: Round = rounds::insert(&self.sight, from_json(new)?, self.w).await?;
        let round = rounds::open(&self.sight, &round, self.w).await?;
        for (actor, scores) in [
            (parties.municipality, [[5, 3, 3], [4, 5, 3], [2, 4, 4]]),
            (parties.region, [[4, 2, 3], [4, 4, 3], [3, 4, 4]]),
            (parties.association, [[3, 2, 4], [3, 4, 5], [4, 5, 5]]),
        ] {
            let scores = candidates.iter().zip(scores).flat_map(|(candidate, [effect, feasibility, residents])| {
                [("effect", effect), ("feasibility", feasibility), ("residents", residents)]
                    .map(|(criterion, score)| json!({"interventionId": candidate, "criterion": criterion, "score": score}))
            });
            let ballot = json!({"scores": scores.collect::<Vec<_>>()});
            ballots::put(&round, actor, None, from_json(ballot)?, self.w).await?;
        }
        let round = closing::close(&round, self.w).await?;
        let decision = json!({
            "roundId": round.id, "chosen": [candidates[0], candidates[1]], "decidedOn": "2026-11-20",
            "reason": "Rådet vill börja med orsaken bakom skillnaderna, även om den tar längre tid än det som fick flest poäng."
        });
        decisions::insert(&round, from_json(decision)?, self.w).await?;
        Ok(())
    }
}
