//! Model-checks the protocol: one document, and everybody who may touch it, in every order. What a row says is the product's own answer.
//! `docs/model.md` tells what is modelled, and how to read a counterexample.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

mod agents;
mod breaks;
mod config;
mod gateways;
mod names;
mod outside;
mod product;
mod properties;
mod protocol;
mod runs;
mod transactions;
mod world;
