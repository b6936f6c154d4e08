"""A copy of all that a deployment knows and made: Dagster's storage, the registry, the store.

    dub-admin backup FOLDER
    dub-admin restore FOLDER

A backup is made beside a working platform. It copies first what refers to something and then what
that refers to: Dagster's runs, the registry's rows they are of, the files these name. What appears
in between is in the copy without anything that refers to it, and nothing in the copy refers to what
is missing: files are never written over under a name that a row has.

Restoring wants a platform that is stopped. Runs that were under way when the copy was made are
ended, so what they were at is requested anew, and takes that were paid for are found again.
"""
