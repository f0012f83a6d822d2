"""The paper's figures and tables that need no measurement."""
