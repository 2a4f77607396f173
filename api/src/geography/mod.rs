//! Geography: the areas that records refer to. An area is not an actor: county 01 is an area, Region Stockholm is an actor.

pub mod areas;
