//! The one table of permissions: which role or function holds which permission. Its printed form,
//! `openapi/permissions.md`, is a golden file, so that a change of policy can be reviewed.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role that a grant gives within its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Administers the installation.
    Admin,
    /// Coordinates the work in an area and all below it.
    Coordinator,
    /// Manages an actor: its record, its users, its answers.
    ActorAdmin,
    /// Works for an actor.
    Contributor,
    /// Reads what an actor may read.
    Reader,
    /// Works with statistics.
    Analyst,
    /// Evaluates interventions.
    Evaluator,
    /// A partner system.
    Service,
}

/// The function of an actor in a forum. It gives rights in the forum to those who work for the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ForumFunction {
    /// Leads the forum (ordförande).
    Chair,
    /// Leads its process (processledare).
    ProcessLeader,
    /// Coordinates its work (samordnare).
    Coordinator,
    /// Takes part (medlem).
    Member,
    /// Follows the work without taking part (observatör).
    Observer,
}

/// The capacity in which somebody holds a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Anybody, also without signing in.
    Everyone,
    /// Any signed-in user.
    SignedIn,
    /// A user who has been granted a role.
    Role(Role),
    /// A user who works for an actor that has a function in a forum.
    Forum(ForumFunction),
}

macro_rules! permissions {
    ($($name:ident $key:literal [$($standing:pat_param)|+];)*) => {
        /// A permission that operations need.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $(#[doc = concat!("`", $key, "`")] $name,)* }

        impl Permission {
            /// All permissions.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The permission's name in the contract.
            #[must_use]
            pub const fn key(self) -> &'static str { match self { $(Self::$name => $key,)* } }

            /// Returns the permission with this name.
            #[must_use]
            pub fn from_key(name: &str) -> Option<Self> { Self::ALL.iter().copied().find(|permission| permission.key() == name) }
        }

        /// Whether a standing itself gives a permission, within the scope of that standing.
        #[must_use]
        pub const fn allows(standing: Standing, permission: Permission) -> bool {
            use ForumFunction::{Chair, Coordinator as ForumCoordinator, Member, ProcessLeader};
            use Role::{ActorAdmin, Admin, Analyst, Contributor, Coordinator, Service};
            use Standing::{Everyone, Forum, Role as In, SignedIn};
            match permission { $(Permission::$name => matches!(standing, $($standing)|+),)* }
        }

        /// Permissions as types, for the signatures of handlers.
        pub mod needs {
            use super::{Permission, Requires};
            $(
                #[doc = concat!("The handler needs `", $key, "`.")]
                #[derive(Clone, Copy, Debug)]
                pub enum $name {}
                impl Requires for $name { const PERMISSION: Permission = Permission::$name; }
            )*
        }
    };
}

permissions! {
    ReadService "service.read" [Everyone];
    ReadReference "reference.read" [Everyone];
    ReadAreas "areas.read" [Everyone];
    ReadRegistry "registry.read" [Everyone];
    ReadForums "forums.read" [Everyone];
    ReadStatistics "statistics.read" [Everyone];
    ReadAssessments "assessments.read" [Everyone];
    ReadInterventions "interventions.read" [Everyone];
    ReadPriorities "priorities.read" [Everyone];
    ReadTrace "trace.read" [Everyone];
    ReadChanges "changes.read" [SignedIn];
    ReadSources "sources.read" [SignedIn];
    WriteSources "sources.write" [In(Admin | Coordinator)];
    SyncSources "sources.sync" [In(Admin | Coordinator | ActorAdmin | Service)];
    ReadMatches "matches.read" [In(Admin | Coordinator | ActorAdmin | Service)];
    DecideMatches "matches.decide" [In(Admin | Coordinator | ActorAdmin)];
    ReadWebhooks "webhooks.read" [In(Admin | Coordinator | ActorAdmin | Service)];
    WriteWebhooks "webhooks.write" [In(Admin | Coordinator | ActorAdmin | Service)];
    ReadImports "imports.read" [In(Admin | Coordinator | ActorAdmin | Service)];
    WriteImports "imports.write" [In(Admin | Coordinator | ActorAdmin | Service)];
    StartSession "sessions.start" [Everyone];
    EndSession "sessions.end" [SignedIn];
    ReadAccount "account.read" [SignedIn];
    WriteAccount "account.write" [SignedIn];
    ReadUsers "users.read" [In(Admin | Coordinator | ActorAdmin)];
    WriteUsers "users.write" [In(Admin | Coordinator | ActorAdmin)];
    ReadServiceAccounts "service_accounts.read" [In(Admin | Coordinator | ActorAdmin)];
    WriteServiceAccounts "service_accounts.write" [In(Admin | Coordinator | ActorAdmin)];
    ReadGrants "grants.read" [In(Admin | Coordinator | ActorAdmin)];
    WriteGrants "grants.write" [In(Admin | Coordinator | ActorAdmin)];
    ReadAudit "audit.read" [In(Admin | ActorAdmin)];
    WriteActors "actors.write" [In(Admin | Coordinator | ActorAdmin)];
    MergeActors "actors.merge" [In(Admin | Coordinator)];
    WriteMandates "mandates.write" [In(Admin | Coordinator | ActorAdmin)];
    ConfirmMandates "mandates.confirm" [In(Admin | Coordinator)];
    WriteStatements "statements.write" [In(Admin | Coordinator | ActorAdmin | Contributor)];
    WriteForums "forums.write" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader | ForumCoordinator)];
    LeadForums "forums.lead" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader)];
    AnswerInvitation "forums.answer" [In(ActorAdmin | Contributor)];
    WriteStatistics "statistics.write" [In(Admin | Coordinator | Analyst)];
    WriteAssessments "assessments.write" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader | ForumCoordinator | Member)];
    Endorse "assessments.endorse" [In(ActorAdmin | Contributor)];
    PublishAssessments "assessments.publish" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader)];
    WriteInterventions "interventions.write" [In(Admin | Coordinator | ActorAdmin | Contributor)];
    WriteRounds "priorities.write" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader | ForumCoordinator)];
    Vote "priorities.vote" [In(ActorAdmin | Contributor)];
    Decide "priorities.decide" [In(Admin | Coordinator) | Forum(Chair | ProcessLeader)];
    SeeSecrecy "secrecy.see" [In(Admin | ActorAdmin) | Forum(Chair | ProcessLeader)];
    ReadSecrecy "secrecy.read" [In(Admin | ActorAdmin) | Forum(Chair | ProcessLeader)];
    WriteSecrecy "secrecy.write" [In(Admin | ActorAdmin) | Forum(Chair | ProcessLeader)];
    ReadDisclosures "disclosure.read" [In(Admin | ActorAdmin | Coordinator)];
    WriteDisclosures "disclosure.write" [In(Admin | ActorAdmin | Coordinator)];
    ReadJournal "journal.read" [SignedIn];
    WriteJournal "journal.write" [In(Admin | ActorAdmin | Coordinator)];
    ReadPersonalData "privacy.read" [In(Admin)];
    ErasePersons "privacy.erase" [In(Admin)];
    HoldRecords "privacy.hold" [In(Admin)];
    RetainRecords "privacy.retain" [In(Admin)];
}

impl Permission {
    /// Whether a personal token or a service account may carry the permission. The holder of such a token must not be
    /// able to take over the account.
    #[must_use]
    pub const fn may_be_scope(self) -> bool {
        !matches!(self, Self::WriteAccount | Self::StartSession | Self::EndSession)
    }

    /// Whether reads under this permission show personal data of others or restricted material, and are therefore noted
    /// in the audit log.
    #[must_use]
    pub const fn reads_are_recorded(self) -> bool {
        matches!(
            self,
            Self::ReadUsers
                | Self::ReadServiceAccounts
                | Self::ReadGrants
                | Self::ReadAudit
                | Self::ReadPersonalData
                | Self::ReadSecrecy
                | Self::ReadDisclosures
        )
    }

    /// Whether operations of this permission handle personal data or secrets, so that no cache may store their responses.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(
            self,
            Self::StartSession
                | Self::EndSession
                | Self::ReadAccount
                | Self::WriteAccount
                | Self::ReadServiceAccounts
                | Self::WriteServiceAccounts
                | Self::ReadAudit
                | Self::ReadUsers
                | Self::WriteUsers
                | Self::ReadGrants
                | Self::WriteGrants
                | Self::ReadPersonalData
                | Self::ErasePersons
                | Self::HoldRecords
                | Self::RetainRecords
                | Self::ReadSecrecy
                | Self::WriteSecrecy
                | Self::ReadDisclosures
                | Self::WriteDisclosures
                | Self::ReadWebhooks
                | Self::WriteWebhooks
                | Self::MergeActors
        )
    }
}

/// A type that stands for a permission.
pub trait Requires {
    /// The permission.
    const PERMISSION: Permission;
}

/// Returns every standing with its name, in the order of the printed table.
#[must_use]
pub fn standings() -> Vec<(String, Standing)> {
    use sea_orm::{ActiveEnum, Iterable};
    let mut all = vec![("everyone".to_owned(), Standing::Everyone), ("signed in".to_owned(), Standing::SignedIn)];
    all.extend(Role::iter().map(|role| (role.to_value(), Standing::Role(role))));
    all.extend(ForumFunction::iter().map(|function| (format!("forum: {}", function.to_value()), Standing::Forum(function))));
    all
}

/// Whether somebody of this standing holds the permission, including what everyone and every signed-in user holds.
#[must_use]
pub fn holds(standing: Standing, permission: Permission) -> bool {
    allows(standing, permission)
        || allows(Standing::Everyone, permission)
        || (standing != Standing::Everyone && allows(Standing::SignedIn, permission))
}

/// Returns the table as Markdown.
#[must_use]
pub fn table() -> String {
    use std::fmt::Write;
    let standings = standings();
    let mut table = String::from(
        "# Who may do what\n\nMade from `api/access/src/policy.rs`. A role holds within the scope of its grant: everywhere, an area and all below\nit, an actor, a forum. A function holds in its forum, for those who work for the actor.\n\n| permission |",
    );
    for (name, _) in &standings {
        let _ = write!(table, " {name} |");
    }
    table.push_str("\n|---|");
    table.push_str(&":-:|".repeat(standings.len()));
    table.push('\n');
    for permission in Permission::ALL {
        let _ = write!(table, "| `{}` |", permission.key());
        for (_, standing) in &standings {
            table.push_str(if holds(*standing, *permission) { " ● |" } else { "   |" });
        }
        table.push('\n');
    }
    table.push_str("\n| permission | du kan | you may |\n|---|---|---|\n");
    for permission in Permission::ALL {
        let words = permission.words();
        let _ = writeln!(table, "| `{}` | {} | {} |", permission.key(), words.sv, words.en);
    }
    table
}
