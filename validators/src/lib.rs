//! Rules and routing that BOINC's script validator and assimilator reach through the shims.
