//! Friends: what comes of each deed, what lists show, and that all of it agrees.

mod lists;
mod model;
mod races;
mod rules;
