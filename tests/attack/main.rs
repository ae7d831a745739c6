//! Attacks of steps, files and messages on what docs/security.md promises. Each root of a weakness has several.
//!
//! What may not change is a tree of canaries: its files, links and modes are compared before and after. Attacks run as
//! this user and, if this is root, as another one too; with Landlock and, where couler itself could be misled, without.
#![cfg(target_os = "linux")]

mod caches;
mod confinement;
mod files;
mod harness;
mod identities;
mod limits;
mod meaning;
mod mutations;
mod outputs;
mod run_folder;
mod secrets;
mod servers;
mod terminal;
