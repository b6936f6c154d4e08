"""The images and the composition without docker: built and started as they are written.

    python -m benchmarks.images

Needs root and debootstrap. `dockerfile` reads deploy/Dockerfile, `builder` carries its steps out in
a Debian in a folder, `foreign` stands in for the images of others, `host` starts the services of
docker-compose.yml, each with its image, user, file systems and networks. What needs an engine and
nothing else, such as the pull of an image, is not shown.
"""
