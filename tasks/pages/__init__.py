"""The report page: what it says (content), what it draws (figures), and how it is put together."""
