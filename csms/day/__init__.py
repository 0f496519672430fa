"""One ordinary day of a site in virtual time: the real core, well-behaved chargers, and the cars of a document.

Theory of operation. `document` reads who comes when; `charger` is one charger that does what it is told, at once and
exactly; `run` is the clock: it takes what the chargers say to `csms.core.engine`, and what the engine commands to the
chargers. Power is constant from one event to the next, so energy is counted exactly, in W × ms, and
every row of the station is looked at after each event: no peak is missed. `figures` are what is told of the day.

Nothing fails here, nothing is drawn by chance and no clock is read: the same two documents give the same figures,
always. What happens when things fail is `csms.simulation`'s. Not modelled: phases that single cars use (the site is
counted in watts, as the core does), charging curves, the seconds in which a car follows a new limit, and the expiry of
limits, which are always renewed.
"""
