"""The app: navigation only. Each page is one file in `app_pages`."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Counterweight",
    page_icon=HERE / "icon.svg",
    layout="wide",
    menu_items={"About": "Counterweight, the lab for balancing weights."},
)
st.html(HERE / "style.css")

PAGES = [
    st.Page(HERE / "app_pages" / "lab.py", title="Lab", icon=":material/science:", default=True),
    st.Page(HERE / "app_pages" / "weights.py", title="Weights", icon=":material/balance:"),
    st.Page(
        HERE / "app_pages" / "lambda_study.py",
        title="λ study",
        icon=":material/show_chart:",
        url_path="lambda-study",
    ),
    st.Page(
        HERE / "app_pages" / "uniform_study.py",
        title="Uniform size",
        icon=":material/scatter_plot:",
        url_path="uniform-study",
    ),
    st.Page(HERE / "app_pages" / "tables.py", title="Tables", icon=":material/table:"),
]

st.navigation(PAGES, position="top").run()
