//! What clients and operators get wrong opens nothing.
