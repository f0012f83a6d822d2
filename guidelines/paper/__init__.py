"""The paper's figures and tables, made of what the other rooms know."""
