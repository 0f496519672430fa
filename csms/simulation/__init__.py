"""An independent world for the ledger: truthful chargers, cars, links, clients and a store, in virtual time.

Theory of operation. One seed is one run. A heap of events drives everything (`clock`); nothing here knows how the
engine plans or books. Chargers (`charger`, `profiles`, `manners`) keep and evaluate profiles as OCPP 1.6 says and
execute CALLs late, lose them or refuse them, but never lie in a way that the ledger declares out of bounds. Links
(`link`) are the gateway: one outstanding CALL, limits first, time-outs, aborts. `host` is the runtime: inbox, step,
commit, crash, recovery from `store`. `mirror` keeps its own P sets from the observed commands and facts (LEDGER.md §1),
and `judge` compares what the engine says with the mirror, with what chargers really obey, and with the fuses.
"""
