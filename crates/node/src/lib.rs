//! The N-API binding: conversion between JavaScript and the engine, and nothing else.
//!
//! Configurations, events and results cross as JSON text, tensors as typed arrays. Every call and every thread runs
//! through one guard (`failure::guard`), so that a panic becomes an error with the code `INTERNAL`.
//!
//! Node-API hands arguments over by value, hence the one lint that is switched off here.
#![deny(unsafe_code)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "the binding's macros give every argument by value"
)]
// Under test the macros leave the registrations out, and nothing else calls the exported functions.
#![cfg_attr(test, allow(dead_code, reason = "test builds register nothing with Node"))]

mod bench;
mod convert;
mod facts;
mod failure;
mod job;
mod model;
mod motion;
mod operators;
mod prepare;
mod promise;
mod tasks;
