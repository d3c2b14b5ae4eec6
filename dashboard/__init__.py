"""The lab: a Streamlit app over `engine.api` and nothing deeper."""
