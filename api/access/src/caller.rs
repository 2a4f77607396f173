//! The caller of an operation: what it may see, and where it holds a permission.

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
    /// Whether more people see what has this visibility than what has the other.
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

    /// The visibility with its owners, for events.
    #[must_use]
    pub fn of(self, forum: Option<Uuid>, actor: Option<Uuid>) -> Visible {
        Visible { visibility: Some(self.to_value()), forum, actor }
    }

    /// The visibility by its stored name; an unknown one is the narrowest.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::try_from_value(&name.to_owned()).unwrap_or(Self::Actor)
    }
}

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole installation.
    Everywhere,
    /// An area and all below it, by its path.
    Area(String),
    /// An actor and its administrations.
    Actor(Vec<Uuid>),
    /// A forum.
    Forum(Uuid),
    /// A source of a partner system.
    Source(Uuid),
}

/// Where something is held or to be held; an actor stands for itself alone here, without its administrations.
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
    /// A source of an actor with a seat; the installation's own is nobody's.
    Source {
        /// Whose it is.
        actor: Option<Uuid>,
        /// The path of the area where that one has its seat.
        seat: Option<String>,
    },
}

impl Place {
    /// Checks that a reach covers the place with all that holds there. What is held for an area is not held for the parties in
    /// it: nobody speaks in their name by that.
    ///
    /// # Errors
    /// When it does not.
    pub fn within(&self, reach: &Reach) -> Result<()> {
        match self {
            Self::Everywhere => reach.require(&[], None, None),
            Self::Area(path) => reach.require(&[path], None, None),
            Self::Actor(actor, _) => reach.require(&[], Some(*actor), None),
            Self::Forum(forum) => reach.require(&[], None, Some(*forum)),
            Self::Source { actor, seat } => reach.require(&seat.as_deref().into_iter().collect::<Vec<_>>(), *actor, None),
        }
    }

    /// Checks that who looks after a place, or after the area where it is, looks after it.
    ///
    /// # Errors
    /// When the reach is elsewhere.
    pub fn looked_after(&self, reach: &Reach) -> Result<()> {
        match self {
            Self::Actor(actor, Some(seat)) => reach.require(&[seat], Some(*actor), None),
            _ => self.within(reach),
        }
    }
}

/// Somebody who calls: nobody in particular, or a signed-in user with what has been granted.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The user; nothing when not signed in.
    pub user: Option<Uuid>,
    /// The user's name.
    pub name: String,
    /// The actor that the user works for: the one under which its account was brought in. Grants elsewhere change nothing in it.
    pub employer: Option<Uuid>,
    /// The session that the call belongs to.
    pub session: Option<Uuid>,
    /// The personal token that the call is made with.
    pub token: Option<Uuid>,
    /// The only permissions that the token or session carries, where it was made narrower than its user's roles.
    pub narrowed: Option<Vec<Permission>>,
    /// Roles that are granted but do not count, since they demand a stronger sign-in.
    pub withheld: Vec<Role>,
    /// What has been granted, as it holds now.
    pub grants: Vec<(Role, Scope)>,
    /// Functions in forums of the actors that the user works for.
    pub functions: Vec<(Uuid, ForumFunction)>,
    /// What the caller may see.
    pub sight: Sight,
}

impl Caller {
    /// Where the caller holds a permission.
    ///
    /// # Errors
    /// When nowhere: 401 when signing in might help, else 403 naming the permission.
    pub fn reach(&self, permission: Permission) -> Result<Reach> {
        let mut reach = Reach { permission: permission.key(), ..Reach::default() };
        if self.narrowed.as_ref().is_some_and(|carried| !carried.contains(&permission)) {
            return Err(reach.narrowed());
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
            Err(reach.stronger())
        } else {
            Err(reach.missing())
        }
    }

    /// Refuses a token that was made narrower than its user: what it does here would let it out of its scopes.
    ///
    /// # Errors
    /// When it was.
    pub fn is_whole(&self, reach: &Reach) -> Result<()> {
        if self.narrowed.is_none() { Ok(()) } else { Err(reach.narrowed()) }
    }

    /// What the call is made with, for the record: the session or the token.
    #[must_use]
    pub fn credential(&self) -> String {
        match (self.session, self.token) {
            (Some(session), _) => format!("session:{session}"),
            (None, Some(token)) => format!("token:{token}"),
            (None, None) => String::new(),
        }
    }

    /// Whether the caller holds all that a role gives at some places, with what the call is made with: the permissions, the
    /// sight, and the word of those who work there. Only who runs the installation may give what is held by parties alone.
    ///
    /// # Errors
    /// When anything is missing, naming the permission where it is one.
    pub fn holds_all_of(&self, role: Role, places: &[Place], reach: &Reach) -> Result<()> {
        if self.sight.all && self.narrowed.is_none() {
            return Ok(());
        }
        // Where the caller does not stand, it is told no more than of what is not there.
        if !places.iter().all(|place| self.stands_at(role, place)) {
            return Err(reach.missing());
        }
        // What everybody holds counts too: a token that cannot read must not let another read.
        for permission in Permission::ALL.iter().filter(|permission| permission.may_be_scope() && holds(Standing::Role(role), **permission))
        {
            let held = self.reach(*permission)?;
            if allows(Standing::Role(role), *permission) {
                places.iter().try_for_each(|place| place.within(&held))?;
            }
        }
        Ok(())
    }

    /// Whether the caller sees what a role at a place lets see, and works there where the role is to work there.
    fn stands_at(&self, role: Role, place: &Place) -> bool {
        if self.sight.all {
            return true;
        }
        let held =
            |roles: &[Role], covers: &dyn Fn(&Scope) -> bool| self.grants.iter().any(|(role, scope)| roles.contains(role) && covers(scope));
        match place {
            Place::Everywhere => role != Role::Admin,
            // Who coordinates an area sees what is its forums' own.
            Place::Area(path) => {
                role != Role::Coordinator
                    || held(&[Role::Coordinator], &|scope| matches!(scope, Scope::Area(own) if path.starts_with(own.as_str())))
            }
            Place::Actor(actor, _) => {
                let works = [Role::ActorAdmin, Role::Contributor];
                self.sight.actors.contains(actor)
                    && (!works.contains(&role) || held(&works, &|scope| matches!(scope, Scope::Actor(actors) if actors.contains(actor))))
            }
            Place::Forum(forum) => self.sight.forums.contains(forum),
            Place::Source { .. } => true,
        }
    }

    /// The permissions that the caller holds somewhere.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.reach(*permission).is_ok()).collect()
    }
}

/// What a caller may see, as one SQL condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Sees all there is.
    pub all: bool,
    /// Sees what is for signed-in users.
    pub signed_in: bool,
    /// Sees what is these forums' own.
    pub forums: BTreeSet<Uuid>,
    /// Sees these forums, to which it is invited, and not what is worked on in them.
    pub invited: BTreeSet<Uuid>,
    /// Sees what is these actors' own.
    pub actors: BTreeSet<Uuid>,
}

impl Sight {
    /// Sees everything: for the installation itself.
    #[must_use]
    pub fn of_installation() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Rows that may be seen, by their visibility, owning forum and owning actor.
    pub fn rows(&self, visibility: impl ColumnTrait, forum: Option<SimpleExpr>, actor: Option<SimpleExpr>) -> Condition {
        if self.all {
            return Condition::all();
        }
        let is = |name: Visibility| Expr::col(visibility.as_column_ref()).eq(name.to_value());
        let mut seen = Condition::any().add(is(Visibility::Public));
        if self.signed_in {
            seen = seen.add(is(Visibility::Members));
        }
        for (kind, owner, own) in [(Visibility::Forum, forum, &self.forums), (Visibility::Actor, actor, &self.actors)] {
            if let Some(owner) = owner.filter(|_| !own.is_empty()) {
                seen = seen.add(is(kind).and(owner.is_in(own.iter().copied())));
            }
        }
        seen
    }

    /// Whether one record may be seen.
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

/// Where the caller holds the permission of the operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    permission: &'static str,
    /// The roles that give the permission.
    pub roles: Vec<Role>,
    /// In the whole installation.
    pub everywhere: bool,
    /// In these areas and all below them, by path.
    pub areas: Vec<String>,
    /// For these actors.
    pub actors: Vec<Uuid>,
    /// In these forums.
    pub forums: Vec<Uuid>,
    /// For these sources.
    pub sources: Vec<Uuid>,
}

impl Reach {
    /// The permission is held nowhere that matters here.
    #[must_use]
    pub fn missing(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Du behöver behörigheten {permission} här. Be den som samordnar arbetet om en roll som har den.",
            "You need the permission {permission} here. Ask the coordinator for a role that has it."
        ))
    }

    /// The token was made without the permission.
    fn narrowed(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }
            .header("WWW-Authenticate", format!("Bearer error=\"insufficient_scope\", scope=\"{permission}\""))
            .detail(say!(
                "Åtkomstbiljetten omfattar inte {permission}. Skapa en biljett som gör det, eller logga in själv.",
                "The token does not carry {permission}. Make one that does, or sign in yourself."
            ))
    }

    /// The role that gives the permission demands a stronger sign-in.
    fn stronger(&self) -> Problem {
        let permission = self.permission;
        Problem { required_permission: Some(permission), ..Problem::new(Kind::Forbidden) }.detail(say!(
            "Din roll kräver en starkare inloggning för {permission}. Slå på tvåstegsinloggning (POST /me/second-factor) och logga in på nytt med den, eller logga in med din organisations inloggning.",
            "Your role demands a stronger sign-in for {permission}. Turn on two-step sign-in (POST /me/second-factor) and sign in again with it, or sign in with your organisation's identity provider."
        ))
    }

    /// Checks that the permission reaches one of these: an area (by path), an actor or a forum.
    ///
    /// # Errors
    /// When it does not.
    pub fn require(&self, areas: &[&str], actor: Option<Uuid>, forum: Option<Uuid>) -> Result<()> {
        let reaches = self.everywhere
            || areas.iter().any(|path| self.areas.iter().any(|own| path.starts_with(own.as_str())))
            || actor.is_some_and(|actor| self.actors.contains(&actor))
            || forum.is_some_and(|forum| self.forums.contains(&forum));
        if reaches { Ok(()) } else { Err(self.missing()) }
    }

    /// Checks that the permission is held for a party, in whose name the caller speaks.
    ///
    /// # Errors
    /// When it is not.
    pub fn speaks_for(&self, actor: Uuid) -> Result<()> {
        self.require(&[], Some(actor), None)
    }

    /// Whether the permission is held for any party at all.
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
