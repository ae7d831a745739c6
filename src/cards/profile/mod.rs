//! A dataset card made from the data itself, in bounded memory whatever the size of the file.

mod card;
mod column;
mod csv_rows;
mod json_rows;
mod label;
mod parquet_rows;
mod report;

pub use card::card_of_profile;
pub use column::Column;
pub use report::{Profile, ProfileOptions, profile_file};
