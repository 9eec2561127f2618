"""Pages for people: server-rendered, without script, readable on paper."""
