"""The table as text to copy or keep, and the command that makes the same."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.tables.form import Form, command
from dashboard.text import tables as text
from engine import api

ENDINGS = {"markdown": ("md", "text/markdown"), "latex": ("tex", "text/x-tex")}
LANGUAGES = {"markdown": "markdown", "latex": "latex"}


def offer(form: Form, table: Any) -> None:
    """A popover with Markdown, LaTeX and CSV, each with a button that copies it, and files."""
    with st.popover("Copy", icon=":material/content_copy:", key=f"copy_{table.dataset}"):
        tabs = st.tabs([text.FORMS[form_] for form_ in api.TABLE_FORMS])
        for place, kind in zip(tabs, api.TABLE_FORMS, strict=True):
            said = api.table_text(table, kind)
            ending, mime = ENDINGS.get(kind, (kind, f"text/{kind}"))
            with place:
                st.code(said, language=LANGUAGES.get(kind), height=260)
                st.download_button(
                    f"Save as .{ending}",
                    said,
                    file_name=f"counterweight-{table.kind}-{table.dataset}.{ending}",
                    mime=mime,
                    on_click="ignore",
                    key=f"save_{table.dataset}_{kind}",
                )
        st.caption("The same from a shell:")
        st.code(command(form, table.dataset), language="bash", wrap_lines=True)
