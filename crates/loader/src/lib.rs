//! Opens libtorch before the core addon is loaded.
