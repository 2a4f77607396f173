//! Geography: the areas that all else is bound to. An area is not an actor: county 01 is an area, Region Stockholm an actor.

pub mod areas;
