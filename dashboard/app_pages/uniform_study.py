"""The uniform-size study: Figure 3, drawn while it runs."""

from dashboard.studying.page import page

page("uniform")
