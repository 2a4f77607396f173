//! The caller of an operation: the records that it may see ([`Sight`]), and the places where it holds a permission ([`Reach`]).

use std::collections::BTreeSet;

use sea_orm::{
    ActiveEnum, Condition, ExprTrait,
    entity::prelude::*,
    sea_query::{Expr, SimpleExpr},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policy::{ForumFunction, Permission, Role, Standing, allows, holds};
use crate::kernel::{Problem, Result, events::Visible, problem::Kind, say};

/// Who may see a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize, ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody, also without signing in.
    #[default]
    Public,
    /// Any signed-in user.
    Members,
    /// Members of the owning forum.
    Forum,
    /// The owning actor only.
    Actor,
}

impl Visibility {
    /// Whether more people can see a record of this visibility than one of the other.
    #[must_use]
    pub fn is_wider_than(self, other: Self) -> bool {
        let narrowness = |visibility| match visibility {
            Self::Public => 0_u8,
            Self::Members => 1,
            Self::Forum => 2,
            Self::Actor => 3,
        };
        narrowness(self) < narrowness(other)
    }

    /// Returns the visibility with its owners, for events.
    #[must_use]
    pub fn of(self, forum: Option<Uuid>, actor: Option<Uuid>) -> Visible {
        Visible { visibility: Some(self.to_value()), forum, actor }
    }

    /// Returns the visibility with this stored name. An unknown name gives the narrowest.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::try_from_value(&name.to_owned()).unwrap_or(Self::Actor)
    }
}

/// The scope of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole installation.
    Everywhere,
    /// An area and all below it, by its path.
    Area(String),
    /// An actor and its administrations: the actor first, then all actors below it.
    Actor(Vec<Uuid>),
    /// A forum.
    Forum(Uuid),
    /// A source of a partner system.
    Source(Uuid),
}

/// A place where a permission or role is held or shall be held. An actor is here only itself, without its administrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole installation.
    Everywhere,
    /// An area, by its path.
    Area(String),
    /// An actor, and the path of the area where it has its seat.
    Actor(Uuid, Option<String>),
    /// A forum.
    Forum(Uuid),
    /// A source of a partner system.
    Source {
        /// The actor that owns the source; `None` when the installation owns it.
        actor: Option<Uuid>,
        /// The path of the area where that actor has its seat.
        seat: Option<String>,
    },
}

impl Place {
    /// Checks that a reach covers the place itself. An area does not cover the actors in it, since a permission for an area is none to
    /// act in their name. It does cover the sources of those actors.
    ///
    /// # Errors
    /// When the reach does not cover the place (403).
    pub fn within(&self, reach: &Reach) -> Result<()> {
        match self {
            Self::Everywhere => reach.require(&[], None, None),
            Self::Area(path) => reach.require(&[path], None, None),
            Self::Actor(actor, _) => reach.require(&[], Some(*actor), None),
            Self::Forum(forum) => reach.require(&[], None, Some(*forum)),
            Self::Source { actor, seat } => reach.require(&seat.as_deref().into_iter().collect::<Vec<_>>(), *actor, None),
        }
    }

    /// Checks that a reach covers the administration of the place. Unlike in [`Self::within`], an area covers the actors that have their
    /// seat in it.
    ///
    /// # Errors
    /// When the reach does not cover the place (403).
    pub fn looked_after(&self, reach: &Reach) -> Result<()> {
        match self {
            Self::Actor(actor, Some(seat)) => reach.require(&[seat], Some(*actor), None),
            _ => self.within(reach),
        }
    }
}

/// A caller: a signed-in user with all rights, or an anonymous caller (the default).
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The user; `None` when not signed in.
    pub user: Option<Uuid>,
    /// The name of the user.
    pub name: String,
    /// The actor that the user works for: the home of the account. Grants at other actors do not change it.
    pub employer: Option<Uuid>,
    /// The session of the call; `None` when the call is made with a personal token or without credentials.
    pub session: Option<Uuid>,
    /// The personal token of the call, if it is made with one.
    pub token: Option<Uuid>,
    /// The only permissions that the token or session carries; `None` when it is not limited and carries all rights of its user.
    pub narrowed: Option<Vec<Permission>>,
    /// Roles that are granted but not in effect, because they demand a stronger sign-in.
    pub withheld: Vec<Role>,
    /// The grants that are valid today, without those of withheld roles.
    pub grants: Vec<(Role, Scope)>,
    /// The functions in forums of the actors for which the user works, by the id of the forum.
    pub functions: Vec<(Uuid, ForumFunction)>,
    /// The records that the caller may see.
    pub sight: Sight,
}

impl Caller {
    /// Returns the places where the caller holds a permission.
    ///
    /// # Errors
    /// When the caller holds it nowhere: 401 when not signed in, otherwise 403. When the token or session does not carry it (403). The
    /// problem with 403 names the permission.
    pub fn reach(&self, permission: Permission) -> Result<Reach> {
        let mut reach = Reach { permission: permission.key(), ..Reach::default() };
        if self.narrowed.as_ref().is_some_and(|carried| !carried.contains(&permission)) {
            return Err(reach.not_in_token());
        }
        let mut held = allows(Standing::Everyone, permission) || (self.user.is_some() && allows(Standing::SignedIn, permission));
        for (role, scope) in self.grants.iter().filter(|(role, _)| allows(Standing::Role(*role), permission)) {
            held = true;
            reach.roles.push(*role);
            match scope {
                Scope::Everywhere => reach.everywhere = true,
                Scope::Area(path) => reach.areas.push(path.clone()),
                Scope::Actor(actors) => reach.actors.extend(actors),
                Scope::Forum(forum) => reach.forums.push(*forum),
                Scope::Source(source) => reach.sources.push(*source),
            }
        }
        for (forum, _) in self.functions.iter().filter(|(_, function)| allows(Standing::Forum(*function), permission)) {
            held = true;
            reach.forums.push(*forum);
        }
        if held {
            Ok(reach)
        } else if self.user.is_none() {
            Err(Problem::new(Kind::Unauthenticated).header("WWW-Authenticate", "Bearer"))
        } else if self.withheld.iter().any(|role| allows(Standing::Role(*role), permission)) {
            Err(reach.needs_stronger_sign_in())
        } else {
            Err(reach.missing())
        }
    }

    /// Refuses a token or session that is limited to some permissions, for operations by which it could get beyond its limits.
    ///
    /// # Errors
    /// When it is limited (403).
    pub fn is_whole(&self, reach: &Reach) -> Result<()> {
        if self.narrowed.is_none() { Ok(()) } else { Err(reach.not_in_token()) }
    }

    /// Returns the credential of the call for the audit log: `session:` or `token:` with its id, or an empty text.
    #[must_use]
    pub fn credential(&self) -> String {
        match (self.session, self.token) {
            (Some(session), _) => format!("session:{session}"),
            (None, Some(token)) => format!("token:{token}"),
            (None, None) => String::new(),
        }
    }

    /// Checks that the caller holds everything that a role gives at these places, with the credential of the call: the permissions, the
    /// sight, and the right to work there. An administrator of the installation passes with any unlimited credential, and so may also
    /// give permissions that only parties hold.
    ///
    /// # Errors
    /// When anything is missing (403). The problem names the missing permission, or that of `reach` when the sight or the right to work
    /// there is missing.
    pub fn holds_all_of(&self, role: Role, places: &[Place], reach: &Reach) -> Result<()> {
        if self.sight.all && self.narrowed.is_none() {
            return Ok(());
        }
        // This refusal is the same as for a place that does not exist, so that it reveals nothing about the place.
        if !places.iter().all(|place| self.has_sight_of_role(role, place)) {
            return Err(reach.missing());
        }
        // Permissions that everybody holds count too: a token that cannot read must not enable another user to read.
        for permission in Permission::ALL.iter().filter(|permission| permission.may_be_scope() && holds(Standing::Role(role), **permission))
        {
            let held = self.reach(*permission)?;
            if allows(Standing::Role(role), *permission) {
                places.iter().try_for_each(|place| place.within(&held))?;
            }
        }
        Ok(())
    }

    /// Whether the caller sees everything that the role shows at a place. For a role of working for an actor, also whether the caller has
    /// such a role there.
    fn has_sight_of_role(&self, role: Role, place: &Place) -> bool {
        if self.sight.all {
            return true;
        }
        let held =
            |roles: &[Role], covers: &dyn Fn(&Scope) -> bool| self.grants.iter().any(|(role, scope)| roles.contains(role) && covers(scope));
        match place {
            Place::Everywhere => role != Role::Admin,
            // A coordinator of an area sees the records of the forums in it, so only another coordinator there sees as much.
            Place::Area(path) => {
                role != Role::Coordinator
                    || held(&[Role::Coordinator], &|scope| matches!(scope, Scope::Area(own) if path.starts_with(own.as_str())))
            }
            Place::Actor(actor, _) => {
                let working_roles = [Role::ActorAdmin, Role::Contributor];
                self.sight.actors.contains(actor)
                    && (!working_roles.contains(&role)
                        || held(&working_roles, &|scope| matches!(scope, Scope::Actor(actors) if actors.contains(actor))))
            }
            Place::Forum(forum) => self.sight.forums.contains(forum),
            Place::Source { .. } => true,
        }
    }

    /// Returns the permissions that the caller holds at any place.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.reach(*permission).is_ok()).collect()
    }
}

/// The records that a caller may see. [`Sight::rows`] makes it one SQL condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Whether all records are visible.
    pub all: bool,
    /// Whether records for signed-in users are visible.
    pub signed_in: bool,
    /// The forums whose own records are visible.
    pub forums: BTreeSet<Uuid>,
    /// The forums to which the caller is invited. The forums themselves are visible, but not the work in them.
    pub invited: BTreeSet<Uuid>,
    /// The actors whose own records are visible.
    pub actors: BTreeSet<Uuid>,
}

impl Sight {
    /// Returns the sight of the installation itself, which sees everything.
    #[must_use]
    pub fn of_installation() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Returns the condition for visible rows, from the column of visibility and the expressions for the owning forum and actor. Without
    /// an expression, no row is visible by that kind of owner.
    pub fn rows(&self, visibility: impl ColumnTrait, forum: Option<SimpleExpr>, actor: Option<SimpleExpr>) -> Condition {
        if self.all {
            return Condition::all();
        }
        let has_visibility = |name: Visibility| Expr::col(visibility.as_column_ref()).eq(name.to_value());
        let mut visible = Condition::any().add(has_visibility(Visibility::Public));
        if self.signed_in {
            visible = visible.add(has_visibility(Visibility::Members));
        }
        for (kind, owner, own) in [(Visibility::Forum, forum, &self.forums), (Visibility::Actor, actor, &self.actors)] {
            if let Some(owner) = owner.filter(|_| !own.is_empty()) {
                visible = visible.add(has_visibility(kind).and(owner.is_in(own.iter().copied())));
            }
        }
        visible
    }

    /// Whether a record with this visibility, owning forum and owning actor is visible.
    #[must_use]
    pub fn sees(&self, visibility: Visibility, forum: Option<Uuid>, actor: Option<Uuid>) -> bool {
        self.all
            || match visibility {
                Visibility::Public => true,
                Visibility::Members => self.signed_in,
                Visibility::Forum => forum.is_some_and(|forum| self.forums.contains(&forum)),
                Visibility::Actor => actor.is_some_and(|actor| self.actors.contains(&actor)),
            }
    }
}

/// The places where a caller holds one permission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    permission: &'static str,
    /// The roles that give the permission.
    pub roles: Vec<Role>,
    /// Whether the permission is held in the whole installation.
    pub everywhere: bool,
    /// The paths of areas where it is held, in them and in all areas below.
    pub areas: Vec<String>,
    /// The actors for which it is held.
    pub actors: Vec<Uuid>,
    /// The forums in which it is held.
    pub forums: Vec<Uuid>,
    /// The sources for which it is held.
    pub sources: Vec<Uuid>,
}

impl Reach {
    /// Returns the problem of a permission that the caller does not hold at the places of the call (403).
    #[must_use]
    pub fn missing(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Du behöver behörigheten {permission} här. Be den som samordnar arbetet om en roll som har den.",
            "You need the permission {permission} here. Ask the coordinator for a role that has it."
        ))
    }

    /// Returns the problem of a token or session that does not carry the permission (403).
    fn not_in_token(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }
            .header("WWW-Authenticate", format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\""))
            .detail(say!(
                "Åtkomstbiljetten omfattar inte {permission}. Skapa en biljett som gör det, eller logga in själv.",
                "The token does not carry {permission}. Make one that does, or sign in yourself."
            ))
    }

    /// Returns the problem of a role that gives the permission but demands a stronger sign-in (403).
    fn needs_stronger_sign_in(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Din roll kräver en starkare inloggning för {permission}. Slå på tvåstegsinloggning (POST /me/second-factor) och logga in på nytt med den, eller logga in med din organisations inloggning.",
            "Your role demands a stronger sign-in for {permission}. Turn on two-step sign-in (POST /me/second-factor) and sign in again with it, or sign in with your organisation's identity provider."
        ))
    }

    /// Checks that the permission is held in one of these areas (by path), for the actor, or in the forum. One of them suffices.
    ///
    /// # Errors
    /// When it is held for none of them (403).
    pub fn require(&self, areas: &[&str], actor: Option<Uuid>, forum: Option<Uuid>) -> Result<()> {
        let reaches = self.everywhere
            || areas.iter().any(|path| self.areas.iter().any(|own| path.starts_with(own.as_str())))
            || actor.is_some_and(|actor| self.actors.contains(&actor))
            || forum.is_some_and(|forum| self.forums.contains(&forum));
        if reaches { Ok(()) } else { Err(self.missing()) }
    }

    /// Checks that the caller may act in the name of a party: the permission is held for that actor, or everywhere.
    ///
    /// # Errors
    /// When it is not (403).
    pub fn speaks_for(&self, actor: Uuid) -> Result<()> {
        self.require(&[], Some(actor), None)
    }

    /// Whether the permission is held for any party, so that the caller may act in its name.
    #[must_use]
    pub fn speaks(&self) -> bool {
        self.everywhere || !self.actors.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinator_of_county() -> Caller {
        Caller { user: Some(Uuid::nil()), grants: vec![(Role::Coordinator, Scope::Area("00/01/".to_owned()))], ..Caller::default() }
    }

    #[test]
    fn a_coordinator_reaches_the_area_and_all_below_it() -> Result<()> {
        let reach = coordinator_of_county().reach(Permission::WriteActors)?;
        assert!(reach.require(&["00/01/0127/"], None, None).is_ok());
        assert!(reach.require(&["00/12/1280/"], None, None).is_err());
        assert!(reach.require(&[], None, None).is_err());
        Ok(())
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = coordinator_of_county().reach(Permission::ReadPersonalData).err();
        assert_eq!(refused.and_then(|problem| problem.required_permission), Some("privacy.read"));
        let anonymous = Caller::default().reach(Permission::ReadUsers).err();
        assert_eq!(anonymous.map(|problem| problem.kind), Some(Kind::Unauthenticated));
    }
}
