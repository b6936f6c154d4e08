"""The pages that people read, what writes their tables, and what makes a site of them.

python -m docs.generate            # the tables of the reference, from the code
python -m docs.build               # the site that the API shows under /help
"""
