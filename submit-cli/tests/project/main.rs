//! Campaigns on an emulated project, which answers as a stock one and loses what it is told to lose.

mod campaign;
mod command;
mod kill;
mod limits;
mod lost;
mod random;
mod together;
